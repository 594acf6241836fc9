//! The guard of one request at one endpoint.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Endpoint;

/// How a request at an endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered; the time from picking it to the first byte of the answer.
    Success(Duration),
    /// It could not be reached, broke off, timed out or answered that it failed.
    Failure,
}

/// Counts a request as in flight at its endpoint. Dropped without [`Permit::finish`] (the caller gave up) it leaves no
/// sample: a client that goes away says nothing about the endpoint.
pub struct Permit {
    endpoint: Arc<Endpoint>,
}

impl Permit {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        endpoint.begin();
        Self { endpoint }
    }

    /// The endpoint that was picked.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Records a sample while the request goes on: latency counts to the first byte, in flight to the last.
    pub fn record(&self, outcome: Outcome, now: Instant) {
        self.endpoint.record(outcome, now);
    }

    /// Records how the request ended and ends it.
    pub fn finish(self, outcome: Outcome, now: Instant) {
        self.record(outcome, now);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.endpoint.end();
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.endpoint.address()).finish()
    }
}

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
    /// It answered that it failed.
    Failure,
    /// A gateway error: it could not be reached, broke off or timed out, or it answered that somebody behind it did.
    Unavailable,
}

impl Outcome {
    /// An answer: 502, 503 and 504 are gateway errors, other 5xx failures, and all else is a success; 429 too, for whoever
    /// says it is well.
    pub fn of_status(status: u16, latency: Duration) -> Self {
        match status {
            502..=504 => Outcome::Unavailable,
            500.. => Outcome::Failure,
            _ => Outcome::Success(latency),
        }
    }
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

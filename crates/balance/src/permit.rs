//! The guard of one request at one endpoint.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{Endpoint, Shortage};

/// How a request at an endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered; the time from picking it, or from the end of a request's body that took long to come, to the first
    /// byte of the answer.
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

    /// A connection that could not be opened: a gateway error, unless it is the caller that lacks something for it.
    pub fn of_failed_connect(error: &io::Error) -> Option<Self> {
        Shortage::of(error).is_none().then_some(Outcome::Unavailable)
    }

    /// An attempt that was cut off after it `ran` so long, before an answer came. It is a gateway error if the endpoint had
    /// at least half of one of the limits that are the caller's `own`, those of its policy: half, because a caller that is
    /// itself asked has a little less left than its policy gives. Cut off sooner, because whoever asks the caller leaves it
    /// less time, it says nothing against the endpoint: drop the permit.
    pub fn of_cut_off(ran: Duration, own: [Option<Duration>; 2]) -> Option<Self> {
        let had_its_time = own.into_iter().flatten().any(|limit| ran >= limit / 2);
        had_its_time.then_some(Outcome::Unavailable)
    }
}

/// Counts a request as in flight at its endpoint. Dropped without an outcome (the caller gave up) it is no failure, for a
/// client that goes away says nothing against the endpoint; but the answer would have taken longer than the caller
/// waited, and where that is above the average it counts as a latency. Else an endpoint that never answers would have no
/// samples at all, and look better and better.
pub struct Permit {
    endpoint: Arc<Endpoint>,
    /// Since when the endpoint is waited for; nothing once there is an outcome.
    since: Option<Instant>,
}

impl Permit {
    pub(crate) fn new(endpoint: Arc<Endpoint>, now: Instant) -> Self {
        endpoint.begin();
        let since = Some(now);
        Self { endpoint, since }
    }

    /// The endpoint that was picked.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Records a sample while the request goes on: latency counts to the first byte, in flight to the last.
    pub fn record(&mut self, outcome: Outcome, now: Instant) {
        self.since = None;
        self.endpoint.record(outcome, now);
    }

    /// The endpoint is waited for since then and not since it was picked: the request's body took long to come.
    pub fn waits_since(&mut self, at: Instant) {
        self.since = self.since.map(|_| at);
    }

    /// Records how the request ended and ends it.
    pub fn finish(mut self, outcome: Outcome, now: Instant) {
        self.record(outcome, now);
    }

    /// Ends the request without a sample: it was not the endpoint that was waited for.
    pub fn discard(mut self) {
        self.since = None;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(since) = self.since {
            self.endpoint.give_up(since);
        }
        self.endpoint.end();
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.endpoint.address()).finish()
    }
}

//! The time limits of a request and its attempts, and whose they are.

use std::time::{Duration, Instant};

use nines_balance::Outcome;
use nines_model::Cause;

use crate::exchange::Exchange;
use crate::refusal::Refusal;
use crate::route::Backend;

/// When what must have happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    request: Option<Instant>,
    /// The route's share of it.
    route: Option<Duration>,
    /// The client set the request's limit.
    by_client: bool,
    attempt: Option<Duration>,
    connect: Option<Duration>,
    /// Since when the endpoint is waited for: the attempt's begin, or the end of a body that was passed on as it came.
    since: Instant,
    uploaded: bool,
}

impl Limits {
    pub(super) fn new(exchange: &Exchange<'_>, backend: &Backend) -> Self {
        let (request, by_client) = exchange.deadline(backend.limits.request);
        Self {
            request,
            route: backend.limits.request,
            by_client,
            attempt: backend.limits.attempt,
            connect: backend.limits.connect.or(Some(exchange.worker.config.timeouts.connect)),
            since: exchange.asked,
            uploaded: false,
        }
    }

    /// Another attempt begins.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since = now;
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// When a connection must be there that is opened now.
    pub(super) fn connect_ends(&self, now: Instant) -> Option<Instant> {
        self.next(self.connect, now)
    }

    /// When the attempt must be answered.
    pub(super) fn attempt_ends(&self) -> Option<Instant> {
        self.next(self.attempt, self.since)
    }

    /// The whole body has gone out: the route's limit and the attempt's count from here, as Gateway API allows, because
    /// a long upload says nothing about the endpoint. The client's own limit stays where it is.
    pub(crate) fn uploaded(&mut self, now: Instant) -> Option<Instant> {
        self.since = now;
        self.uploaded = true;
        if !self.by_client {
            self.request = self.route.map(|limit| now + limit);
        }
        self.attempt_ends()
    }

    /// Whether it is the client's own limit that ends the request.
    pub(super) fn is_by_client(&self) -> bool {
        self.by_client
    }

    /// Whether the request's body is still on its way.
    pub(super) fn is_uploading(&self, exchange: &Exchange<'_>) -> bool {
        exchange.is_streaming && !self.uploaded
    }

    /// The earlier of the request's deadline and `limit` from `now`.
    fn next(&self, limit: Option<Duration>, now: Instant) -> Option<Instant> {
        let own = limit.map(|limit| now + limit);
        match (self.request, own) {
            (Some(request), Some(own)) => Some(request.min(own)),
            (request, own) => request.or(own),
        }
    }

    /// What is left of the request's time.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        self.request.map(|at| at.saturating_duration_since(now))
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.request.is_some_and(|at| at <= now)
    }

    /// What an alarm that went off says of the endpoint that is connected to.
    pub(super) fn connect_cut_off(&self, now: Instant) -> Option<Outcome> {
        self.said_of(self.connect, now)
    }

    /// What an alarm that went off says of the endpoint that was asked. One that does not take a body had all the time that
    /// it is given between two bytes.
    pub(super) fn cut_off(&self, exchange: &Exchange<'_>, now: Instant) -> Option<Outcome> {
        if self.is_uploading(exchange) {
            return Some(Outcome::Unavailable);
        }
        self.said_of(self.attempt, now)
    }

    fn said_of(&self, limit: Option<Duration>, now: Instant) -> Option<Outcome> {
        let ran = now.saturating_duration_since(self.since);
        Outcome::of_cut_off(ran, [self.route, limit])
    }

    /// What an alarm that went off means.
    pub(super) fn late(&self, exchange: &Exchange<'_>, now: Instant) -> Refusal {
        let waited = now.saturating_duration_since(exchange.record.started());
        let (cause, message) = match (self.is_over(now), self.by_client) {
            (true, true) => (Cause::DeadlineExceeded, "the time that the client gave is over"),
            (true, false) => (Cause::UpstreamTimeout, "the route's time limit for the request is over"),
            (false, _) => (Cause::UpstreamTimeout, "the endpoint made no progress in time"),
        };
        Refusal::new(cause, message).with("waited_ms", waited.as_millis())
    }
}

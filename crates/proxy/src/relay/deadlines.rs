//! How long a body may take, in either direction, and whose fault it is if it takes longer.
//!
//! Nothing moves for `body_progress`: that ends a body whatever else holds. The time that the client gave holds for the
//! whole request. The route's limit and the attempt's count whenever the endpoint is waited for: while it does not take
//! the body or has not said that it wants it, and from the body's end to the answer's. While the client is waited for
//! they do not, as Gateway API allows: a long upload says nothing about the endpoint.

use std::time::Instant;

use nines_model::Cause;

use crate::attempt::Limits;
use crate::exchange::Exchange;
use crate::pipeline::Stop;
use crate::refusal::Refusal;
use crate::worker::Upstream;

/// Sets the alarm for a body that has moved just now and is not through.
pub(super) fn uploading(exchange: &Exchange<'_>, limits: &Limits) {
    let now = exchange.worker.clock.now();
    let progress = now + exchange.worker.config.timeouts.body_progress;
    let answer = if waits_for_endpoint(exchange) {
        // As if the body were through: not to take it is no better than not to answer.
        let mut limits = *limits;
        limits.uploaded(now)
    } else {
        None
    };
    let end = earlier(answer, exchange.client_deadline());
    exchange.client.alarm.set(earlier(end, Some(progress)));
}

/// Sets the alarm for the answer. One that comes before the body is through is bound by the client's time alone.
pub(super) fn answering(exchange: &Exchange<'_>, limits: &mut Limits) {
    let answer = if exchange.upload.is_done() {
        limits.uploaded(exchange.worker.clock.now())
    } else {
        None
    };
    exchange.client.alarm.set(earlier(answer, exchange.client_deadline()));
}

/// An alarm that went off while the request's body was passed on: why the endpoint is not to blame, if it is not.
pub(super) fn late_upload(exchange: &Exchange<'_>) -> Option<Stop> {
    if !exchange.is_streaming {
        return None;
    }
    let refusal = if is_over(exchange.client_deadline(), exchange.worker.clock.now()) {
        Refusal::new(Cause::DeadlineExceeded, CLIENTS_TIME_IS_OVER)
    } else if waits_for_endpoint(exchange) {
        return None;
    } else {
        Refusal::new(Cause::RequestTimeout, "the request's body did not come in time")
    };
    Some(refusal.with("received", exchange.upload.moved).into())
}

/// Whether the next step is the endpoint's: to take what is there of the body, to say that it wants one, or to answer.
fn waits_for_endpoint(exchange: &Exchange<'_>) -> bool {
    let upload = &exchange.upload;
    let is_asked_to_wait = exchange.facts.expects_continue && upload.moved == 0;
    upload.has_ended() || !upload.is_flushed() || is_asked_to_wait
}

/// Waiting for an answer's body.
#[derive(Debug)]
pub(super) struct Wait {
    /// When all of the answer must have gone out.
    until: Option<Instant>,
}

impl Wait {
    /// The answer's head is there: the alarm still tells by when the answer must be complete.
    pub(super) fn begin(exchange: &Exchange<'_>) -> Self {
        Self {
            until: exchange.client.alarm.deadline(),
        }
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        is_over(self.until, now)
    }

    /// Gives the body more time to move.
    pub(super) fn go_on(&self, exchange: &Exchange<'_>, now: Instant) {
        let progress = now + exchange.worker.config.timeouts.body_progress;
        exchange.client.alarm.set(earlier(self.until, Some(progress)));
    }
}

/// The answer has begun and its time is over.
pub(super) fn overdue(exchange: &Exchange<'_>, upstream: &Upstream, now: Instant) -> Stop {
    let refusal = if is_over(exchange.client_deadline(), now) {
        Refusal::new(Cause::DeadlineExceeded, CLIENTS_TIME_IS_OVER)
    } else if exchange.download.is_flushed() {
        upstream.origin.counts().timeouts.add(1);
        Refusal::new(Cause::UpstreamTimeout, "the route's time limit is over within the body")
    } else {
        let message = "the client did not take the answer within the route's time limit";
        Refusal::new(Cause::RequestTimeout, message)
    };
    let refusal = refusal.with("endpoint", upstream.origin.address);
    Stop::Cut(refusal.with("body_bytes", exchange.download.moved))
}

const CLIENTS_TIME_IS_OVER: &str = "the time that the client gave is over";

fn is_over(deadline: Option<Instant>, now: Instant) -> bool {
    deadline.is_some_and(|at| at <= now)
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

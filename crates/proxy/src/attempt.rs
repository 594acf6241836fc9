//! The attempts of a request: an endpoint, a connection to it, the request, the head of its answer.
//!
//! What is tried again, and nothing else: a connect that failed, on another endpoint, because nothing was sent; and the
//! keep-alive race, that is a reused connection that ended before any byte of the answer, once and on a fresh
//! connection, if the request is idempotent (RFC 9110 section 9.2.2) and still here in full. Both stay within the
//! request's deadline.
//!
//! What was cut off before the endpoint had half of a limit of the route's says nothing against the endpoint: else any
//! client could have healthy ones ejected by giving them no time.

mod limits;
mod tried;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use nines_balance::{Excluded, Outcome, Permit};
use nines_model::Cause;
use tokio::net::TcpStream;

use crate::exchange::Exchange;
use crate::h1::{Body, Reject};
use crate::heads::{self, Outgoing};
use crate::pipeline::Stop;
use crate::pump::{Encoding, Framing};
use crate::refusal::Refusal;
use crate::relay;
use crate::route::Backend;
use crate::worker::{Origin, Upstream};
use crate::{ejection, snapshot};
pub(crate) use limits::Limits;
use tried::{NoConnection, Tried};

/// A connection on which an endpoint has begun to answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) upstream: Upstream,
    pub(crate) head_len: usize,
    /// Counts the request at the endpoint until the answer is over.
    pub(crate) permit: Permit,
}

/// Why an endpoint did not answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The connection ended before any byte of an answer.
    Unanswered(Option<io::Error>),
    /// The connection ended within the answer's head.
    Broken(Option<io::Error>),
    /// The answer's head is not HTTP.
    Protocol(Reject),
    /// The time is up.
    Late,
    /// It is not the endpoint's doing.
    Stop(Stop),
}

/// Tries until an endpoint answers or nothing is left to try.
pub(crate) async fn run(exchange: &mut Exchange<'_>, backend: &Backend, prefix: usize) -> Result<Answered, Stop> {
    let service = backend.upstream.as_ref().map_err(Refusal::from)?;
    let mut limits = Limits::new(exchange, backend);
    let mut tried = Tried::default();
    let mut now = exchange.asked;
    keep_body(exchange);
    loop {
        limits.begin(now);
        if limits.is_over(now) {
            return Err(limits.late(exchange, now).into());
        }
        let mut permit = pick(exchange, service, &tried, now).ok_or_else(|| tried.nobody_left(service))?;
        exchange.record.attempts += 1;
        exchange.record.endpoint = Some(permit.endpoint().address());
        let origin = exchange.worker.pool.origin(permit.endpoint().address());
        let mut upstream = match connect(exchange, &origin, &limits, tried.raced, now).await {
            Ok(upstream) => upstream,
            Err(failure) => {
                now = exchange.worker.clock.now();
                let outcome = match &failure {
                    NoConnection::Failed(error) => Outcome::of_failed_connect(error),
                    NoConnection::Late => limits.connect_cut_off(now),
                };
                if let Some(outcome) = outcome {
                    permit.finish(outcome, now);
                    blame(exchange, &origin, now);
                }
                tried.connect(exchange, &origin, failure, &limits, backend, now)?;
                continue;
            }
        };
        write_request(exchange, backend, prefix, &limits, now);
        exchange.client.alarm.set(limits.attempt_ends());
        let failed = match relay::ask(exchange, &mut upstream, &mut limits).await {
            Ok(head_len) => return Ok(answered(exchange, upstream, permit, head_len, &limits)),
            Err(failed) => failed,
        };
        now = exchange.worker.clock.now();
        if tried.is_race(exchange, &upstream, &failed) {
            tried.raced = true;
            exchange.worker.shard().retried_races.add(1);
            continue;
        }
        permit.waits_since(limits.since());
        return Err(classify(exchange, &upstream, permit, failed, &limits, now));
    }
}

fn pick(exchange: &Exchange<'_>, service: &snapshot::Upstream, tried: &Tried, now: Instant) -> Option<Permit> {
    let worker = &exchange.worker;
    ejection::review(service, &worker.pool, now);
    let pick = |excluded: &Excluded| worker.tables.pick(service, excluded, &worker.rng, now);
    let mut passed_over = tried.excluded.clone();
    worker.pool.penalised(now, |address| passed_over.add(address));
    let first = pick(&passed_over);
    if first.is_some() || passed_over.len() == tried.excluded.len() {
        return first;
    }
    pick(&tried.excluded)
}

/// A connection that is open, or a new one; after a lost race always a new one.
async fn connect(
    exchange: &mut Exchange<'_>,
    origin: &Rc<Origin>,
    limits: &Limits,
    fresh: bool,
    now: Instant,
) -> Result<Upstream, NoConnection> {
    if !fresh && let Some(upstream) = origin.reuse(now, exchange.worker.config.timeouts.upstream_idle) {
        return Ok(upstream);
    }
    let alarm = &exchange.client.alarm;
    alarm.set(limits.connect_ends(now));
    let mut connecting = pin!(TcpStream::connect(origin.address));
    let stream = poll_fn(|cx| match connecting.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.map_err(NoConnection::Failed)),
        Poll::Pending if alarm.fired() => Poll::Ready(Err(NoConnection::Late)),
        Poll::Pending => Poll::Pending,
    })
    .await?;
    stream.set_nodelay(true).map_err(NoConnection::Failed)?;
    exchange.worker.pool.pardon(origin.address);
    Ok(origin.opened(stream, now))
}

/// A body that is here in full stays until an answer begins, so that it can be sent again.
fn keep_body(exchange: &mut Exchange<'_>) {
    let Body::Length(length) = exchange.facts.body else {
        return;
    };
    let limit = exchange.worker.config.limits.replay_bytes as u64;
    let here = (exchange.client.buffer.len() - exchange.facts.head_len) as u64;
    if length <= limit && here >= length {
        exchange.kept = exchange.facts.head_len + usize::try_from(length).unwrap_or(usize::MAX);
    }
}

/// Prepares the request for the endpoint: its head, and the body or where it comes from.
fn write_request(exchange: &mut Exchange<'_>, backend: &Backend, prefix: usize, limits: &Limits, now: Instant) {
    let left = limits.left(now);
    exchange.upload.abandon();
    let outgoing = Outgoing {
        head: &exchange.scratch.request,
        bytes: exchange.client.buffer.filled(),
        plan: &backend.request,
        prefix,
        forwarding: &exchange.worker.config.forwarding,
        peer: exchange.client.peer,
        id: &exchange.record.id,
        timeout_ms: left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        attempt: exchange.record.attempts,
    };
    heads::request(&outgoing, exchange.upload.out());
    let head_len = exchange.facts.head_len;
    if exchange.facts.body == Body::None || exchange.kept > head_len {
        let body = &exchange.client.buffer.filled()[head_len..exchange.kept];
        exchange.upload.out().extend_from_slice(body);
        exchange.upload.moved = body.len() as u64;
        return;
    }
    exchange.client.buffer.consume(head_len);
    exchange.kept = 0;
    exchange.is_streaming = true;
    match exchange.facts.body {
        Body::Length(length) => exchange.upload.begin(Framing::Length(length), Encoding::Raw),
        _ => exchange
            .upload
            .begin(Framing::chunked(crate::h1::chunked::Side::Client), Encoding::Chunked),
    }
}

fn answered(
    exchange: &mut Exchange<'_>,
    upstream: Upstream,
    mut permit: Permit,
    head_len: usize,
    limits: &Limits,
) -> Answered {
    let now = exchange.worker.clock.now();
    exchange.record.first_byte = Some(now);
    let latency = now.saturating_duration_since(limits.since());
    let status = exchange.scratch.response.status;
    let outcome = match status {
        504 if limits.is_by_client() && ran_out(exchange) => limits.cut_off(exchange, now),
        _ => Some(Outcome::of_status(status, latency)),
    };
    match outcome {
        Some(outcome) => permit.record(outcome, now),
        None => permit.waits_since(limits.since()),
    }
    Answered {
        upstream,
        head_len,
        permit,
    }
}

/// Whether the answer says only that the time was up which the request had left: as good as cut off.
fn ran_out(exchange: &Exchange<'_>) -> bool {
    let bytes = exchange.replies.filled();
    let mut fields = exchange.scratch.response.fields.iter();
    let cause = fields.find(|field| field.name.of(bytes).eq_ignore_ascii_case(b"x-nines-cause"));
    cause.is_some_and(|field| {
        field
            .value
            .of(bytes)
            .starts_with(Cause::DeadlineExceeded.as_str().as_bytes())
    })
}

/// What the client is told when an endpoint was asked and gave no answer.
fn classify(
    exchange: &Exchange<'_>,
    upstream: &Upstream,
    permit: Permit,
    failed: Failed,
    limits: &Limits,
    now: Instant,
) -> Stop {
    let counts = upstream.origin.counts();
    let mut outcome = Some(Outcome::Unavailable);
    let refusal = match failed {
        Failed::Stop(stop) => {
            if limits.is_uploading(exchange) {
                permit.discard();
            }
            return stop;
        }
        Failed::Late => {
            counts.timeouts.add(1);
            outcome = limits.cut_off(exchange, now);
            limits.late(exchange, now)
        }
        Failed::Protocol(reject) => Refusal::from(reject),
        Failed::Unanswered(error) => {
            counts.resets.add(1);
            reset("the endpoint closed the connection without an answer", error)
        }
        Failed::Broken(error) => {
            counts.resets.add(1);
            reset(
                "the endpoint closed the connection within the head of its answer",
                error,
            )
        }
    };
    if let Some(outcome) = outcome {
        permit.finish(outcome, now);
    }
    let reused = upstream
        .idle_since
        .map(|since| exchange.record.started().saturating_duration_since(since));
    let refusal = refusal
        .with("endpoint", upstream.origin.address)
        .with("attempts", exchange.record.attempts)
        .with(
            "connection_age_ms",
            now.saturating_duration_since(upstream.opened).as_millis(),
        );
    match reused {
        Some(idle) => refusal.with("reused_after_ms", idle.as_millis()).into(),
        None => refusal.into(),
    }
}

/// The endpoint could not be connected to: it counts, and the endpoint is passed over for a while.
fn blame(exchange: &Exchange<'_>, origin: &Origin, now: Instant) {
    let worker = &exchange.worker;
    origin.counts().connect_errors.add(1);
    worker
        .pool
        .penalise(origin.address, now + worker.config.timeouts.penalty);
}

fn reset(message: &str, error: Option<io::Error>) -> Refusal {
    let refusal = Refusal::new(Cause::UpstreamReset, message);
    match error {
        Some(error) => refusal.with("error", error.kind()),
        None => refusal.with("error", "closed"),
    }
}

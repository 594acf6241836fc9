//! Reading a request's head, and finding the rule that takes it.

use std::future::poll_fn;
use std::task::Poll;

use nines_model::Cause;

use crate::exchange::{Exchange, Parts};
use crate::h1::{self, Body, Name, Progress};
use crate::live::Live;
use crate::pipeline::Stop;
use crate::refusal::Refusal;
use crate::request_id;
use crate::route::Found;
use crate::worker::LARGE;

enum Reading {
    Done(usize),
    Closed,
    Late,
    Refused(Refusal),
}

/// Reads until the head is complete.
pub(crate) async fn read(exchange: &mut Exchange<'_>) -> Result<(), Stop> {
    let deadline = exchange.record.started() + exchange.worker.config.timeouts.head;
    exchange.client.alarm.set(Some(deadline));
    let mut waited = false;
    let reading = poll_fn(|cx| {
        let reading = poll_head(exchange, cx);
        waited |= reading.is_pending();
        reading
    })
    .await;
    if waited {
        exchange.asked = exchange.worker.clock.now();
    }
    let received = exchange.client.buffer.len();
    if received == 0 {
        return Err(Stop::Silent);
    }
    exchange.record.begin();
    match reading {
        Reading::Done(length) => begin(exchange, length).map_err(Stop::from),
        Reading::Refused(refusal) => Err(refusal.into()),
        Reading::Closed => Err(Stop::client_closed("sending the head")),
        Reading::Late => Err(
            Refusal::new(Cause::RequestTimeout, "the request's head did not come in time")
                .with(
                    "limit",
                    nines_base::duration::format(exchange.worker.config.timeouts.head),
                )
                .with("received", received)
                .into(),
        ),
    }
}

fn poll_head(exchange: &mut Exchange<'_>, cx: &mut std::task::Context<'_>) -> Poll<Reading> {
    let client = &mut *exchange.client;
    let max = exchange.worker.h1_limits.max_head.max(LARGE);
    loop {
        if !client.buffer.is_empty() {
            let head = &mut exchange.scratch.request;
            match h1::parse_request(client.buffer.filled(), &exchange.worker.h1_limits, head) {
                Ok(Progress::Done(length)) => return Poll::Ready(Reading::Done(length)),
                Ok(Progress::Partial) => {}
                Err(reject) => return Poll::Ready(Reading::Refused(reject.into())),
            }
        }
        match client.buffer.poll_read(cx, &mut client.stream, max) {
            Poll::Ready(Ok(count)) if count > 0 => {}
            Poll::Ready(_) => return Poll::Ready(Reading::Closed),
            Poll::Pending if client.alarm.fired() => return Poll::Ready(Reading::Late),
            Poll::Pending => return Poll::Pending,
        }
    }
}

/// Notes what of the head is needed later.
fn begin(exchange: &mut Exchange<'_>, length: usize) -> Result<(), Refusal> {
    exchange.client.served += 1;
    exchange.begin(length);
    let (head, bytes) = exchange.head();
    let forwarding = &exchange.worker.config.forwarding;
    let given = head
        .value(Name::XRequestId, bytes)
        .filter(|id| request_id::is_well_formed(id));
    let given = given.filter(|_| forwarding.trust_client).map(Into::into);
    exchange
        .record
        .note_head(&exchange.scratch.request, exchange.client.buffer.filled());
    if let Some(id) = given {
        exchange.record.id = id;
    }
    let limit = exchange.worker.config.limits.body_bytes;
    if let (Body::Length(length), Some(limit)) = (exchange.scratch.request.body, limit)
        && length > limit
    {
        return Err(exchange.body_too_large(limit));
    }
    Ok(())
}

/// The rule that takes the request.
pub(crate) fn route<'a>(exchange: &mut Exchange<'_>, live: &'a Live) -> Result<Found<'a>, Refusal> {
    exchange.lower_host();
    let Some(plan) = exchange.client.gate.plan(live) else {
        return Err(Refusal::new(Cause::NoRoute, "this listener is no longer configured"));
    };
    let Some(found) = plan.find(&exchange.parts()) else {
        let parts: Parts<'_> = exchange.parts();
        return Err(Refusal::new(Cause::NoRoute, "no route takes this request")
            .with("listener", &plan.id)
            .with("host", String::from_utf8_lossy(parts.host))
            .with("path", shortened(parts.head.path(parts.bytes))));
    };
    exchange.record.rule = exchange.worker.tables.rule(found.rule, &exchange.worker.rng);
    Ok(found)
}

/// Evidence is for people: the first hundred bytes of a path tell enough.
fn shortened(path: &[u8]) -> String {
    String::from_utf8_lossy(&path[..path.len().min(100)]).into_owned()
}

//! Moving bytes between the two sides of a request, in both directions at once, by one task.

mod deadlines;
mod tunnel;

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use nines_model::Cause;
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::attempt::{Answered, Failed, Limits};
use crate::exchange::Exchange;
use crate::h1::chunked::Side;

use crate::h1::{self, Asked, Body, Progress, ResponseBody, Version};
use crate::heads::{self, Incoming};
use crate::pipeline::{After, Stop};
use crate::pump::{Broken, Encoding, Framing};
use crate::refusal::Refusal;
use crate::route::Backend;
use crate::worker::{LARGE, Upstream};
use deadlines::Wait;

/// So many interim responses may come before the final one.
const MAX_INTERIM: u32 = 16;

/// Sends the request and waits for the head of its answer; gives the head's length. The answer's first bytes lie in
/// `replies`, the request's body may still be on its way. The alarm stands at the time by which the answer must be
/// complete.
pub(crate) async fn ask(
    exchange: &mut Exchange<'_>,
    upstream: &mut Upstream,
    limits: &mut Limits,
) -> Result<usize, Failed> {
    exchange.replies.consume(exchange.replies.len());
    exchange.scratch.response.reset();
    let mut uploading = exchange.is_streaming;
    if uploading {
        deadlines::uploading(exchange, limits);
    }
    let mut interims = 0;
    let result = poll_fn(|cx| {
        let result = poll_ask(exchange, cx, &mut upstream.stream, &mut interims);
        if result.is_pending() && uploading {
            uploading = !exchange.upload.is_done();
            follow_upload(exchange, uploading, limits);
        }
        result
    })
    .await;
    if uploading && result.is_ok() {
        // What the endpoint took for its answer is counted as before.
        deadlines::answering(exchange, &mut limits.clone());
    }
    result
}

/// While the body is on its way every progress gives it more time; then the answer's time begins.
fn follow_upload(exchange: &mut Exchange<'_>, uploading: bool, limits: &mut Limits) {
    if !uploading {
        deadlines::answering(exchange, limits);
    } else if exchange.upload.take_progress() {
        deadlines::uploading(exchange, limits);
    }
}

fn poll_ask(
    exchange: &mut Exchange<'_>,
    cx: &mut Context<'_>,
    upstream: &mut TcpStream,
    interims: &mut u32,
) -> Poll<Result<usize, Failed>> {
    if let Poll::Ready(Err(stop)) = poll_upload(exchange, cx, upstream) {
        return Poll::Ready(Err(Failed::Stop(stop)));
    }
    if let Poll::Ready(result) = poll_reply(exchange, cx, upstream, interims) {
        return Poll::Ready(result);
    }
    if let Err(stop) = poll_interim(exchange, cx).and_then(|()| watch_client(exchange, cx)) {
        return Poll::Ready(Err(Failed::Stop(stop)));
    }
    if exchange.client.alarm.fired() {
        return Poll::Ready(Err(deadlines::late_upload(exchange).map_or(Failed::Late, Failed::Stop)));
    }
    Poll::Pending
}

/// Moves the request's body. An endpoint that no longer listens may still answer, so that is no error yet.
fn poll_upload(exchange: &mut Exchange<'_>, cx: &mut Context<'_>, upstream: &mut TcpStream) -> Poll<Result<(), Stop>> {
    if exchange.upload.is_done() {
        return Poll::Ready(Ok(()));
    }
    let client = &mut *exchange.client;
    let result = if exchange.is_streaming {
        let limits = &exchange.worker.h1_limits;
        exchange
            .upload
            .poll(cx, &mut client.buffer, &mut client.stream, upstream, limits)
    } else {
        let flushed = exchange.upload.poll_flush(cx, &mut client.buffer, upstream);
        flushed.map_err(Broken::Write)
    };
    let result = match result {
        Poll::Ready(Err(Broken::Write(_))) => {
            exchange.upload.abandon();
            exchange.is_cut = true;
            Ok(())
        }
        Poll::Ready(Err(Broken::Framing(reject))) => Err(Refusal::from(reject).into()),
        Poll::Ready(Err(Broken::Read(_) | Broken::Ended)) => Err(Stop::client_closed("sending the body")),
        Poll::Ready(Ok(())) => Ok(()),
        Poll::Pending => return over_limit(exchange).map_or(Poll::Pending, |stop| Poll::Ready(Err(stop))),
    };
    Poll::Ready(over_limit(exchange).map_or(result, Err))
}

fn over_limit(exchange: &Exchange<'_>) -> Option<Stop> {
    let limit = exchange.worker.config.limits.body_bytes?;
    (exchange.upload.moved > limit).then(|| exchange.body_too_large(limit).into())
}

/// Reads the answer until its head is complete.
fn poll_reply(
    exchange: &mut Exchange<'_>,
    cx: &mut Context<'_>,
    upstream: &mut TcpStream,
    interims: &mut u32,
) -> Poll<Result<usize, Failed>> {
    let asked = Asked {
        method: exchange.facts.method,
        upgrade: exchange.facts.upgrade,
    };
    let max = exchange.worker.h1_limits.max_head.max(LARGE);
    loop {
        while !exchange.replies.is_empty() {
            let response = &mut exchange.scratch.response;
            match h1::parse_response(exchange.replies.filled(), asked, &exchange.worker.h1_limits, response) {
                Ok(Progress::Partial) => break,
                Ok(Progress::Done(length)) if response.is_interim() => {
                    *interims += 1;
                    if *interims > MAX_INTERIM {
                        return Poll::Ready(Err(Failed::Stop(too_many_interims())));
                    }
                    pass_interim(exchange, length);
                }
                Ok(Progress::Done(length)) => return Poll::Ready(Ok(length)),
                Err(reject) => return Poll::Ready(Err(Failed::Protocol(reject))),
            }
        }
        let nothing_yet = exchange.replies.is_empty() && *interims == 0;
        let ended = |error| {
            if nothing_yet {
                Failed::Unanswered(error)
            } else {
                Failed::Broken(error)
            }
        };
        match exchange.replies.poll_read(cx, upstream, max) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(ended(None))),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(ended(Some(error)))),
            Poll::Pending => return Poll::Pending,
        }
    }
}

/// Interim responses go on to who understands them; `100 Continue` only to who asked for it (RFC 9110 section 15.2), and
/// then the body is the client's turn.
fn pass_interim(exchange: &mut Exchange<'_>, length: usize) {
    let head = &exchange.scratch.response;
    let is_continue = head.status == 100;
    let wanted = !is_continue || std::mem::take(&mut exchange.facts.expects_continue);
    if is_continue {
        exchange.upload.note_progress();
    }
    if wanted && exchange.facts.version == Version::Http11 {
        heads::interim(head, exchange.replies.filled(), exchange.download.out());
    }
    exchange.replies.consume(length);
}

fn too_many_interims() -> Stop {
    let message = "the endpoint sent more interim responses than anybody needs";
    Refusal::new(Cause::UpstreamProtocol, message)
        .with("limit", MAX_INTERIM)
        .into()
}

fn poll_interim(exchange: &mut Exchange<'_>, cx: &mut Context<'_>) -> Result<(), Stop> {
    if exchange.download.is_flushed() {
        return Ok(());
    }
    let client = &mut *exchange.client;
    match exchange
        .download
        .poll_flush(cx, &mut exchange.replies, &mut client.stream)
    {
        Poll::Ready(Err(_)) => Err(Stop::client_closed("waiting for the answer")),
        _ => Ok(()),
    }
}

/// Sees whether the client is still there while it waits. A client that ends its side after its request counts as gone,
/// as with most proxies: it cannot be told from one that has closed. What it sends ahead is kept, one buffer of it.
fn watch_client(exchange: &mut Exchange<'_>, cx: &mut Context<'_>) -> Result<(), Stop> {
    if !exchange.upload.has_ended() {
        return Ok(());
    }
    let client = &mut *exchange.client;
    while client.buffer.has_room() {
        match client.buffer.poll_read(cx, &mut client.stream, 0) {
            Poll::Ready(Ok(count)) if count > 0 => {}
            Poll::Ready(_) => return Err(Stop::client_closed("waiting for the answer")),
            Poll::Pending => break,
        }
    }
    Ok(())
}

/// Passes the answer on: head, then body.
pub(crate) async fn answer(exchange: &mut Exchange<'_>, backend: &Backend, answered: Answered) -> Result<(), Stop> {
    let Answered {
        mut upstream,
        head_len,
        permit,
    } = answered;
    release_request(exchange);
    write_head(exchange, backend, head_len);
    let reusable = exchange.scratch.response.keep_alive;
    if exchange.scratch.response.switching {
        return tunnel::run(exchange, upstream).await;
    }
    let mut wait = None;
    let result = poll_fn(|cx| poll_body(exchange, cx, &mut upstream, &mut wait)).await;
    drop(permit);
    if let Err(stop) = result {
        if matches!(exchange.scratch.response.body, ResponseBody::UntilClose) {
            reset_client(exchange);
        }
        return Err(stop);
    }
    let now = match exchange.record.first_byte {
        Some(at) if wait.is_none() => at,
        _ => exchange.worker.clock.now(),
    };
    exchange.record.ended = Some(now);
    if reusable && exchange.replies.is_empty() && exchange.upload.is_done() && !exchange.is_cut {
        upstream.park(now);
    }
    Ok(())
}

/// The answer has begun, so the request is not sent again: its bytes may go.
fn release_request(exchange: &mut Exchange<'_>) {
    exchange.client.buffer.consume(exchange.kept);
    exchange.kept = 0;
}

/// Decides how the body goes out and whether the connection lives on, and writes the head.
fn write_head(exchange: &mut Exchange<'_>, backend: &Backend, head_len: usize) {
    let speaks_chunks = exchange.facts.version == Version::Http11;
    let head = &exchange.scratch.response;
    let (framing, delimited) = match head.body {
        ResponseBody::None => (Framing::Done, true),
        ResponseBody::Length(length) => (Framing::Length(length), true),
        ResponseBody::Chunked => (Framing::chunked(Side::Upstream), false),
        ResponseBody::UntilClose => (Framing::UntilClose, false),
    };
    let chunked = !delimited && speaks_chunks;
    let persists = exchange.may_persist() && (delimited || chunked) && exchange.upload.has_ended() && !exchange.is_cut;
    exchange.facts.keep_alive = persists;
    exchange.record.status = head.status;
    let incoming = Incoming {
        head,
        bytes: exchange.replies.filled(),
        edits: &backend.response,
        forwarding: &exchange.worker.config.forwarding,
        id: &exchange.record.id,
        chunked,
        close: !persists,
        version: exchange.facts.version,
    };
    let before = exchange.download.out().len();
    heads::response(&incoming, exchange.download.out());
    exchange.record.sent += (exchange.download.out().len() - before) as u64;
    exchange.replies.consume(head_len);
    let encoding = if chunked { Encoding::Chunked } else { Encoding::Raw };
    exchange.download.begin(framing, encoding);
}

fn poll_body(
    exchange: &mut Exchange<'_>,
    cx: &mut Context<'_>,
    upstream: &mut Upstream,
    wait: &mut Option<Wait>,
) -> Poll<Result<(), Stop>> {
    if let Poll::Ready(Err(stop)) = poll_upload(exchange, cx, &mut upstream.stream) {
        return Poll::Ready(Err(cut(stop)));
    }
    let client = &mut *exchange.client;
    let limits = &exchange.worker.h1_limits;
    let moved = exchange.download.poll(
        cx,
        &mut exchange.replies,
        &mut upstream.stream,
        &mut client.stream,
        limits,
    );
    match moved {
        Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
        Poll::Ready(Err(broken)) => return Poll::Ready(Err(broken_off(exchange, upstream, broken))),
        Poll::Pending => {}
    }
    let progress = exchange.download.take_progress() | exchange.upload.take_progress();
    let is_first = wait.is_none();
    let wait = wait.get_or_insert_with(|| Wait::begin(exchange));
    if !progress && !is_first && !exchange.client.alarm.fired() {
        return Poll::Pending;
    }
    let now = exchange.worker.clock.now();
    if wait.is_over(now) {
        Poll::Ready(Err(deadlines::overdue(exchange, upstream, now)))
    } else if progress || is_first {
        wait.go_on(exchange, now);
        Poll::Pending
    } else {
        Poll::Ready(Err(stalled(exchange, upstream)))
    }
}

fn rearm(exchange: &Exchange<'_>, limit: Duration) {
    let now = exchange.worker.clock.now();
    exchange.client.alarm.set(Some(now + limit));
}

/// Once part of the answer is out nothing else can be said.
fn cut(stop: Stop) -> Stop {
    match stop {
        Stop::Refused(refusal) => Stop::Cut(refusal),
        other => other,
    }
}

fn broken_off(exchange: &Exchange<'_>, upstream: &Upstream, broken: Broken) -> Stop {
    let sent = exchange.download.moved;
    let from_upstream = |message: &str, error: &dyn std::fmt::Display| {
        upstream.origin.counts().resets.add(1);
        let refusal = Refusal::new(Cause::UpstreamReset, message).with("error", error);
        Stop::Cut(
            refusal
                .with("endpoint", upstream.origin.address)
                .with("body_bytes", sent),
        )
    };
    match broken {
        Broken::Write(error) => {
            let refusal = Refusal::new(Cause::ClientClosed, "the client closed the connection");
            Stop::Cut(
                refusal
                    .with("while", "receiving the answer")
                    .with("error", error.kind()),
            )
        }
        Broken::Framing(reject) => Stop::Cut(Refusal::from(reject).with("endpoint", upstream.origin.address)),
        Broken::Ended => from_upstream("the endpoint closed the connection within the body", &"closed"),
        Broken::Read(error) => from_upstream("the connection to the endpoint broke within the body", &error.kind()),
    }
}

/// Nothing has moved for too long: whoever is waited for is to blame.
fn stalled(exchange: &Exchange<'_>, upstream: &Upstream) -> Stop {
    let limit = nines_base::duration::format(exchange.worker.config.timeouts.body_progress);
    let refusal = if exchange.download.is_flushed() {
        upstream.origin.counts().timeouts.add(1);
        Refusal::new(Cause::UpstreamTimeout, "the endpoint stopped within the body")
            .with("endpoint", upstream.origin.address)
    } else {
        Refusal::new(Cause::ClientClosed, "the client stopped reading")
    };
    Stop::Cut(
        refusal
            .with("stalled", limit)
            .with("body_bytes", exchange.download.moved),
    )
}

/// A body that ends with the connection looks complete unless the connection ends in a reset.
fn reset_client(exchange: &Exchange<'_>) {
    if let Err(error) = SockRef::from(&exchange.client.stream).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "a connection could not be reset");
    }
}

/// Sends an answer of our own. The connection lives on if the whole request is here and was understood.
pub(crate) async fn refuse(exchange: &mut Exchange<'_>, refusal: &Refusal) -> After {
    let persists =
        exchange.facts.is_begun && !exchange.is_streaming && has_whole_request(exchange) && exchange.may_persist();
    exchange.record.status = refusal.status;
    let is_head = exchange.facts.method == h1::Method::Head;
    let before = exchange.download.out().len();
    let worker = exchange.worker.clone();
    refusal.write(
        exchange.download.out(),
        &worker,
        Some((&exchange.record.id, is_head)),
        !persists,
    );
    exchange.record.sent += (exchange.download.out().len() - before) as u64;
    rearm(exchange, exchange.worker.config.timeouts.body_progress);
    match poll_fn(|cx| poll_refuse(exchange, cx)).await {
        Ok(()) if persists => After::Wait,
        Ok(()) => After::Linger,
        Err(_) => After::Gone,
    }
}

fn poll_refuse(exchange: &mut Exchange<'_>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let client = &mut *exchange.client;
    match exchange
        .download
        .poll_flush(cx, &mut exchange.replies, &mut client.stream)
    {
        Poll::Pending if client.alarm.fired() => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        other => other,
    }
}

/// Whether the request's body has arrived; then it is skipped together with the head.
fn has_whole_request(exchange: &mut Exchange<'_>) -> bool {
    let length = match exchange.facts.body {
        Body::None => 0,
        Body::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
        Body::Chunked => return false,
    };
    let end = exchange.facts.head_len.saturating_add(length);
    let here = exchange.client.buffer.len() >= end;
    if here {
        exchange.kept = end;
    }
    here
}

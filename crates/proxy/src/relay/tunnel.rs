//! A connection after `101 Switching Protocols`: bytes in both directions, until both sides have ended.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use crate::exchange::Exchange;
use crate::pipeline::Stop;
use crate::pump::{Broken, Encoding, Framing};
use crate::worker::Upstream;

/// Passes the `101` on, then everything that follows it. A side that ends is ended on the other side too, while the
/// opposite direction goes on. On a drain a tunnel lives until the deadline: nobody but its ends knows how to close it
/// politely.
pub(super) async fn run(exchange: &mut Exchange<'_>, mut upstream: Upstream) -> Result<(), Stop> {
    exchange.record.note_tunnel();
    exchange.upload.begin(Framing::UntilClose, Encoding::Raw);
    exchange.download.begin(Framing::UntilClose, Encoding::Raw);
    let mut ends = Ends::default();
    let idle = exchange.worker.config.timeouts.tunnel_idle;
    super::rearm(exchange, idle);
    poll_fn(|cx| {
        let up = poll_up(exchange, cx, &mut upstream.stream, &mut ends);
        let down = poll_down(exchange, cx, &mut upstream.stream, &mut ends);
        match (up, down) {
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(()),
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => return Poll::Ready(()),
            _ => {}
        }
        if exchange.upload.take_progress() | exchange.download.take_progress() {
            super::rearm(exchange, idle);
        } else if exchange.client.alarm.fired() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
    Ok(())
}

/// Which sides have been told that no more comes.
#[derive(Debug, Default)]
struct Ends {
    upstream: bool,
    client: bool,
}

fn poll_up(
    exchange: &mut Exchange<'_>,
    cx: &mut Context<'_>,
    upstream: &mut TcpStream,
    ends: &mut Ends,
) -> Poll<Result<(), Broken>> {
    let client = &mut *exchange.client;
    let limits = &exchange.worker.h1_limits;
    let moved = exchange
        .upload
        .poll(cx, &mut client.buffer, &mut client.stream, upstream, limits);
    end(moved, cx, upstream, &mut ends.upstream)
}

fn poll_down(
    exchange: &mut Exchange<'_>,
    cx: &mut Context<'_>,
    upstream: &mut TcpStream,
    ends: &mut Ends,
) -> Poll<Result<(), Broken>> {
    let client = &mut *exchange.client;
    let limits = &exchange.worker.h1_limits;
    let moved = exchange
        .download
        .poll(cx, &mut exchange.replies, upstream, &mut client.stream, limits);
    end(moved, cx, &mut client.stream, &mut ends.client)
}

fn end(
    moved: Poll<Result<(), Broken>>,
    cx: &mut Context<'_>,
    to: &mut TcpStream,
    told: &mut bool,
) -> Poll<Result<(), Broken>> {
    if matches!(moved, Poll::Ready(Ok(()))) && !*told {
        *told = true;
        return Pin::new(to).poll_shutdown(cx).map_err(Broken::Write);
    }
    moved
}

//! The life of a client connection: wait without a buffer, serve what comes, wait again.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use nines_model::Cause;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::accept::Gate;
use crate::pipeline::{self, After};
use crate::refusal::Refusal;
use crate::worker::{Alarm, Buffer, DRAIN_IDLE, LARGE, Worker};

/// After our last byte, how long and for how many bytes a client that still sends is listened to, so that it reads our
/// answer before it hears that the connection is gone (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// The client's side of a connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) buffer: Buffer,
    pub(crate) alarm: Alarm,
    pub(crate) peer: SocketAddr,
    pub(crate) gate: Rc<Gate>,
    /// Requests so far.
    pub(crate) served: u64,
    open: Open,
}

/// Counts a connection as open for as long as it exists.
#[derive(Debug)]
pub(crate) struct Open(Rc<Worker>);

impl Open {
    pub(crate) fn new(worker: Rc<Worker>) -> Self {
        worker.shard().connections_opened.add(1);
        Self(worker)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.shard().connections_closed.add(1);
        self.0.connection_ended.notify_one();
    }
}

impl Client {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr, gate: Rc<Gate>, open: Open) -> Box<Self> {
        Box::new(Self {
            stream,
            buffer: Buffer::new(&open.0.buffers),
            alarm: open.0.timers.alarm(),
            peer,
            gate,
            served: 0,
            open,
        })
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.open.0
    }

    /// Waits for the first byte of a request, holding no buffer meanwhile. False if none came in time or the client
    /// is gone.
    async fn has_request(&mut self) -> bool {
        let worker = self.worker();
        let now = worker.clock.now();
        let wait = if worker.draining.get() {
            DRAIN_IDLE
        } else {
            worker.config.timeouts.client_idle
        };
        self.alarm.set_idle(now, now + wait);
        poll_fn(|cx| self.poll_request(cx)).await
    }

    /// Memory is only held if there are bytes to hold: a socket that looks readable may turn out not to be.
    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match self.buffer.poll_read(cx, &mut self.stream, LARGE) {
            Poll::Ready(result) => Poll::Ready(result.is_ok_and(|count| count > 0)),
            Poll::Pending => {
                self.buffer.release_if_empty();
                if self.alarm.fired() {
                    Poll::Ready(false)
                } else {
                    Poll::Pending
                }
            }
        }
    }

    /// Ends our side and reads the rest of what the client sends, within bounds.
    async fn linger(mut self: Box<Self>) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let now = self.worker().clock.now();
        self.alarm.set(Some(now + LINGER));
        let mut left = LINGER_BYTES;
        poll_fn(|cx| {
            loop {
                let skip = self.buffer.len();
                left = left.saturating_sub(skip);
                self.buffer.consume(skip);
                match self.buffer.poll_read(cx, &mut self.stream, LARGE) {
                    Poll::Ready(Ok(count)) if count > 0 && left > 0 => {}
                    Poll::Pending if !self.alarm.fired() => return Poll::Pending,
                    _ => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}

/// Serves a connection until it ends.
pub(crate) async fn serve(client: Box<Client>) {
    poll_fn(|cx| {
        client.alarm.wakes(cx.waker());
        Poll::Ready(())
    })
    .await;
    let (worker, peer) = (client.worker().clone(), client.peer);
    if AssertUnwindSafe(run(client)).catch_unwind().await.is_err() {
        worker.shard().panics.add(1);
        tracing::error!(%peer, "a connection's task panicked");
    }
}

/// Connection and busy part lie on the heap by themselves: a future that held them would hold a copy for each function
/// they pass through, and the many connections that wait must stay small.
async fn run(mut client: Box<Client>) {
    while client.has_request().await {
        match Box::pin(pipeline::requests(&mut client)).await {
            After::Wait => client.buffer.release_if_empty(),
            After::Linger => return Box::pin(client.linger()).await,
            After::Gone => return,
        }
    }
}

/// Turns a connection away that is one too many, without reading from it.
pub(crate) fn refuse(stream: &TcpStream, worker: &Worker) {
    let limit = worker.config.limits.connections;
    let refusal =
        Refusal::new(Cause::Overloaded, "the proxy has as many connections as it may").with("connections", limit);
    let mut answer = Vec::new();
    refusal.write(&mut answer, worker, None, true);
    worker.shard().cause(Cause::Overloaded).add(1);
    if let Err(error) = stream.try_write(&answer) {
        tracing::debug!(%error, "a connection was gone before it was turned away");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<R>(_: impl Fn(Box<Client>) -> R) -> usize {
        size_of::<R>()
    }

    /// Ten thousand connections wait for each that works: what they hold is worth counting. Raising these bounds
    /// raises the memory per idle connection (`cargo xtask bench proxy`).
    #[test]
    fn a_waiting_connection_stays_small() {
        assert!(size(serve) <= 128, "{} bytes of future", size(serve));
        assert!(size_of::<Client>() <= 160, "{} bytes of client", size_of::<Client>());
    }
}

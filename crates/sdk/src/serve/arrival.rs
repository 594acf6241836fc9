//! How long the head of a request takes, counted from its first byte.
//!
//! hyper counts from the end of the request before, so a bound that is short enough for a head would close connections
//! that only wait, while clients still keep them for use.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use super::flight::Flight;

/// What an HTTP/2 connection begins with, as far as no HTTP/1.1 method does. Its bytes are not heads alone.
const HTTP2: &[u8] = b"PRI ";

/// The head that is on its way on a connection. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Head(Arc<Begun>);

#[derive(Debug)]
struct Begun {
    opened: Instant,
    /// Microseconds from `opened` to the head's first byte, plus one; 0 while none is on its way.
    at: AtomicU64,
}

/// A stream that notes when a head begins.
#[derive(Debug)]
pub(super) struct Arrival<S> {
    stream: S,
    head: Head,
    /// While nothing is in flight, bytes belong to a head.
    flight: Flight,
    /// The first bytes of all, until they tell the version.
    first: Vec<u8>,
}

impl Head {
    pub(super) fn new() -> Self {
        Self(Arc::new(Begun {
            opened: Instant::now(),
            at: AtomicU64::new(0),
        }))
    }

    /// It is whole.
    pub(super) fn ends(&self) {
        self.0.at.store(0, Ordering::Relaxed);
    }

    fn begins(&self) {
        if self.0.at.load(Ordering::Relaxed) == 0 {
            let since = self.0.opened.elapsed().as_micros();
            self.0
                .at
                .store(u64::try_from(since).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
        }
    }

    /// Waits until a head has taken longer than `limit`. It looks only now and then: a head that begins between two looks
    /// is still on its way at the second, or in time.
    pub(super) async fn is_late(&self, limit: Duration) {
        let mut look_at = Instant::now() + limit;
        loop {
            sleep_until(look_at).await;
            look_at = match self.0.at.load(Ordering::Relaxed) {
                0 => Instant::now() + limit,
                at => self.0.opened + Duration::from_micros(at - 1) + limit,
            };
            if look_at <= Instant::now() {
                return;
            }
        }
    }
}

impl<S> Arrival<S> {
    pub(super) fn new(stream: S, head: Head, flight: Flight) -> Self {
        Self {
            stream,
            head,
            flight,
            first: Vec::new(),
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        if self.first.len() < HTTP2.len() {
            let missing = HTTP2.len() - self.first.len();
            self.first.extend(bytes.iter().take(missing));
        }
        if self.first == HTTP2 {
            self.head.ends();
        } else if !bytes.is_empty() && self.flight.is_idle() {
            self.head.begins();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Arrival<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if matches!(read, Poll::Ready(Ok(()))) {
            self.note(&buffer.filled()[before..]);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Arrival<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

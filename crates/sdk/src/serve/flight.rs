//! Requests in flight on one connection, from the head to the last byte of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::timeout;

/// Counts them. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Flight(Arc<watch::Sender<usize>>);

/// One of them.
#[derive(Debug)]
pub(super) struct Entered(Flight);

impl Flight {
    pub(super) fn enter(&self) -> Entered {
        self.0.send_modify(|count| *count += 1);
        Entered(self.clone())
    }

    pub(super) fn is_idle(&self) -> bool {
        *self.0.borrow() == 0
    }

    /// Waits until nothing has been in flight for so long.
    pub(super) async fn idle_for(&self, quiet: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // The sender lives as long as `self`, so these waits end only by their condition.
            drop(count.wait_for(|count| *count == 0).await);
            if timeout(quiet, count.wait_for(|count| *count > 0)).await.is_err() {
                return;
            }
        }
    }
}

impl Entered {
    /// The body of the answer; the request is in flight until it is written or given up.
    pub(super) fn with(self, body: Body) -> Counted {
        Counted { body, _entered: self }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// A body that belongs to a request in flight.
#[derive(Debug)]
pub(super) struct Counted {
    body: Body,
    _entered: Entered,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn idle_is_quiet_for_a_while() {
        let flight = Flight::default();
        let quiet = Duration::from_millis(250);
        let start = Instant::now();
        let entered = flight.enter();
        let busy = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(entered);
            tokio::time::sleep(Duration::from_millis(100)).await;
            let again = flight.enter();
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(again);
        };
        tokio::join!(busy, flight.idle_for(quiet));
        assert_eq!(start.elapsed(), Duration::from_millis(2350));
    }
}

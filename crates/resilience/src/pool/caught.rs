//! A job's work, whose panic ends nothing else.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::layer::Panicked;

pin_project! {
    /// A future whose panic is caught, while it is polled and when it is dropped. What panicked is not polled again.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Caught<F> {
        #[pin]
        inner: Option<F>,
    }
}

impl<F> Caught<F> {
    pub(super) fn new(inner: F) -> Self {
        Self { inner: Some(inner) }
    }

    /// Drops what is left of it.
    pub(super) fn end(self: Pin<&mut Self>) -> Result<(), Panicked> {
        let mut inner = self.project().inner;
        caught(|| inner.set(None))
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let inner = self.project().inner.as_pin_mut();
        let inner = inner.expect("not polled after its end");
        match caught(|| inner.poll(cx)) {
            Ok(polled) => polled.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Panicked::from_payload(&*payload))
}

//! A call with its time limit.

use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use nines_model::Cause;
use pin_project_lite::pin_project;

use crate::layer::{Alarm, Error, Shared, Stopped, now};

pin_project! {
    /// The inner service's future, dropped when its time is up.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Future<F> {
        #[pin]
        inner: Option<F>,
        #[pin]
        alarm: Alarm,
        limit: Option<Duration>,
        begun: Option<Instant>,
        shared: Arc<Shared<()>>,
    }
}

impl<F> Future<F> {
    pub(super) fn new(inner: F, limit: Option<Duration>, shared: Arc<Shared<()>>) -> Self {
        Self {
            inner: Some(inner),
            alarm: Alarm::default(),
            limit,
            begun: None,
            shared,
        }
    }
}

impl<F, T, E> future::Future for Future<F>
where
    F: future::Future<Output = Result<T, E>>,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let inner = this.inner.as_mut().as_pin_mut();
        let inner = inner.expect("not polled after it was ready");
        if let Poll::Ready(result) = inner.poll(cx) {
            return Poll::Ready(result.map_err(Error::Inner));
        }
        let Some(limit) = *this.limit else {
            return Poll::Pending;
        };
        let begun = *this.begun.get_or_insert_with(now);
        this.alarm.as_mut().start(begun.checked_add(limit));
        let rang = ready!(this.alarm.poll(cx));
        this.inner.set(None);
        let took = rang.saturating_duration_since(begun);
        let stopped = Stopped::after(took, limit, Cause::UpstreamTimeout, &this.shared.name);
        Poll::Ready(Err(Error::Stopped(stopped)))
    }
}

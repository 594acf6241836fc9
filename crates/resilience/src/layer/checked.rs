//! The future of a call that is checked when it begins and watched until it ends.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::Error;
use crate::Refusal;

/// What stands by while the inner service works. Dropped without a word it releases what it holds: the call was dropped.
pub trait Watch<Res, Err> {
    /// The call came to this.
    fn done(self, result: &mut Result<Res, Err>);

    /// The inner service panicked.
    fn panicked(self);
}

pin_project! {
    /// A call that was refused, or the inner service's future with its watch beside it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    #[project = CheckedProj]
    pub enum Checked<F, W> {
        Refused { refusal: Option<Refusal> },
        // The inner future is dropped before the watch: a permit is free only once its work has ended.
        Running { #[pin] inner: F, watch: Option<W> },
    }
}

impl<F, W> Checked<F, W> {
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Checked::Refused { refusal: Some(refusal) }
    }

    /// Calls the inner service under `watch`.
    pub(crate) fn running<Res, Err>(watch: W, call: impl FnOnce() -> F) -> Self
    where
        F: Future<Output = Result<Res, Err>>,
        W: Watch<Res, Err>,
    {
        let mut watch = Some(watch);
        let inner = unwinding(&mut watch, call, W::panicked);
        Checked::Running { inner, watch }
    }
}

impl<F, W, Res, Err> Future for Checked<F, W>
where
    F: Future<Output = Result<Res, Err>>,
    W: Watch<Res, Err>,
{
    type Output = Result<Res, Error<Err>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            CheckedProj::Refused { refusal } => {
                let refusal = refusal.take().expect("not polled after it was ready");
                Poll::Ready(Err(Error::Refused(refusal)))
            }
            CheckedProj::Running { inner, watch } => {
                let polled = unwinding(watch, || inner.poll(cx), W::panicked);
                let mut result = ready!(polled);
                if let Some(watch) = watch.take() {
                    watch.done(&mut result);
                }
                Poll::Ready(result.map_err(Error::Inner))
            }
        }
    }
}

/// Runs `work`; if it unwinds, `panicked` gets what `watch` holds.
pub(crate) fn unwinding<W, T>(watch: &mut Option<W>, work: impl FnOnce() -> T, panicked: fn(W)) -> T {
    let bomb = Bomb { watch, panicked };
    let value = work();
    std::mem::forget(bomb);
    value
}

struct Bomb<'a, W> {
    watch: &'a mut Option<W>,
    panicked: fn(W),
}

impl<W> Drop for Bomb<'_, W> {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.take() {
            (self.panicked)(watch);
        }
    }
}

/// Lets go of the readiness that the inner service has reserved for a call that will not be made.
pub(crate) fn let_go<S: Clone>(inner: &mut S) {
    *inner = inner.clone();
}

/// The service that was driven ready, for a call that is made later; a clone takes its place.
pub(crate) fn take_ready<S: Clone>(inner: &mut S) -> S {
    let fresh = inner.clone();
    std::mem::replace(inner, fresh)
}

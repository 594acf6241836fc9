//! An inner future with its call's deadline in force for it.

use std::future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::deadline::{self, Deadline, Scope};

pin_project! {
    /// An inner future; what it does sees the deadline as [`deadline::current`].
    #[derive(Debug)]
    #[project = TimedProj]
    pub(crate) enum Timed<F> {
        Bounded { #[pin] inner: Scope<F> },
        Unbounded { #[pin] inner: F },
    }
}

impl<F: future::Future> Timed<F> {
    /// Makes the call, which sees it too.
    pub(crate) fn call(call: impl FnOnce() -> F, deadline: Option<Deadline>) -> Self {
        let Some(deadline) = deadline else {
            return Timed::Unbounded { inner: call() };
        };
        let inner = deadline::sync_scope(deadline, call);
        let inner = deadline::scope(deadline, inner);
        Timed::Bounded { inner }
    }
}

impl<F: future::Future> future::Future for Timed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            TimedProj::Bounded { inner } => inner.poll(cx),
            TimedProj::Unbounded { inner } => inner.poll(cx),
        }
    }
}

//! A call with its deadline.

use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use nines_model::Cause;
use pin_project_lite::pin_project;

use super::Config;
use crate::deadline::{Deadline, Scope};
use crate::layer::{Alarm, Error, Shared, Stopped};

pin_project! {
    /// The inner service's future, dropped at the deadline.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Future<F, E> {
        #[pin]
        state: State<F, E>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProj]
    enum State<F, E> {
        Refused { error: Option<Error<E>> },
        Unbounded { #[pin] inner: F },
        Bounded { #[pin] inner: Scope<F>, #[pin] alarm: Alarm, term: Term },
    }
}

#[derive(Debug)]
struct Term {
    begun: Instant,
    deadline: Deadline,
    shared: Arc<Shared<Config>>,
}

impl<F, E> Future<F, E> {
    pub(super) fn refused(error: Error<E>) -> Self {
        let state = State::Refused { error: Some(error) };
        Self { state }
    }

    pub(super) fn unbounded(inner: F) -> Self {
        let state = State::Unbounded { inner };
        Self { state }
    }

    pub(super) fn bounded(inner: Scope<F>, deadline: Deadline, begun: Instant, shared: Arc<Shared<Config>>) -> Self {
        let alarm = Alarm::at(Some(deadline.instant()));
        let term = Term {
            begun,
            deadline,
            shared,
        };
        let state = State::Bounded { inner, alarm, term };
        Self { state }
    }
}

impl<F, T, E> future::Future for Future<F, E>
where
    F: future::Future<Output = Result<T, E>>,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let rang = match state.as_mut().project() {
            StateProj::Refused { error } => {
                let error = error.take().expect("not polled after it was ready");
                return Poll::Ready(Err(error));
            }
            StateProj::Unbounded { inner } => return inner.poll(cx).map_err(Error::Inner),
            StateProj::Bounded { inner, alarm, term } => {
                if let Poll::Ready(result) = inner.poll(cx) {
                    return Poll::Ready(result.map_err(Error::Inner));
                }
                alarm.poll(cx).map(|now| term.stopped(now))
            }
        };
        // What the call holds is free when its caller hears of the end, and not when the caller drops this future.
        rang.map(|error| {
            state.set(State::Refused { error: None });
            Err(error)
        })
    }
}

impl Term {
    #[cold]
    fn stopped<E>(&self, now: Instant) -> Error<E> {
        let given = self.deadline.instant().saturating_duration_since(self.begun);
        let took = now.saturating_duration_since(self.begun);
        Error::Stopped(Stopped::after(took, given, Cause::DeadlineExceeded, &self.shared.name))
    }
}

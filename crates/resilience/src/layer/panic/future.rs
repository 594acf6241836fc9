//! A call whose panic is caught.

use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Panics;
use crate::layer::{Error, Panicked, Shared};

pin_project! {
    /// The inner service's future. One that panicked is dropped at once.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Future<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProj]
    enum State<F> {
        Panicked { panicked: Option<Panicked> },
        Running { #[pin] inner: F, shared: Arc<Shared<Panics>> },
    }
}

impl<F> Future<F> {
    pub(super) fn panicked(panicked: Panicked) -> Self {
        let state = State::Panicked {
            panicked: Some(panicked),
        };
        Self { state }
    }

    pub(super) fn running(inner: F, shared: Arc<Shared<Panics>>) -> Self {
        let state = State::Running { inner, shared };
        Self { state }
    }
}

impl<F, T, E> future::Future for Future<F>
where
    F: future::Future<Output = Result<T, E>>,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let polled = match state.as_mut().project() {
            StateProj::Panicked { panicked } => {
                let panicked = panicked.take().expect("not polled after it was ready");
                return Poll::Ready(Err(Error::Panicked(panicked)));
            }
            StateProj::Running { inner, shared } => shared.guard(|| inner.poll(cx)),
        };
        match polled {
            Ok(poll) => poll.map_err(Error::Inner),
            Err(panicked) => {
                state.set(State::Panicked { panicked: None });
                Poll::Ready(Err(Error::Panicked(panicked)))
            }
        }
    }
}

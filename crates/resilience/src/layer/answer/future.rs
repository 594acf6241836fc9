//! A call that is answered for.

use std::future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::{Body, Report, Settle, Settled};

pin_project! {
    /// The inner service's future.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Future<F, W> {
        #[pin]
        state: State<F>,
        body: W,
        grpc: bool,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProj]
    enum State<F> {
        Answered { report: Option<Box<Report>> },
        Running { #[pin] inner: F },
    }
}

impl<F, W> Future<F, W> {
    pub(super) fn answered(report: Box<Report>, body: W, grpc: bool) -> Self {
        let state = State::Answered { report: Some(report) };
        Self { state, body, grpc }
    }

    pub(super) fn running(inner: F, body: W, grpc: bool) -> Self {
        let state = State::Running { inner };
        Self { state, body, grpc }
    }
}

impl<F, W, D, E> future::Future for Future<F, W>
where
    F: future::Future<Output = Result<Response<D>, E>>,
    E: Settle,
    W: Body<D>,
{
    type Output = Result<Response<D>, E::Rest>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let report = match this.state.project() {
            StateProj::Answered { report } => report.take().expect("not polled after it was ready"),
            StateProj::Running { inner } => match ready!(inner.poll(cx)) {
                Ok(response) => return Poll::Ready(Ok(response)),
                Err(error) => match error.settle() {
                    Settled::Ours(report) => report,
                    Settled::Theirs(error) => return Poll::Ready(Err(error)),
                },
            },
        };
        let answer = match *this.grpc {
            true => report.grpc(this.body),
            false => report.http(this.body),
        };
        Poll::Ready(Ok(answer))
    }
}

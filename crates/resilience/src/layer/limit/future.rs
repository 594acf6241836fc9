//! A call that was let through, at once or at its turn.

use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;

use super::Core;
use crate::Refusal;
use crate::layer::{Alarm, Error, Inspect, Mark, Shared};
use crate::limit::Standing;

pin_project! {
    /// A wait, if the limit spaces calls, and then the inner service's future.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Future<S, M, I, Req>
    where
        S: tower_service::Service<Req>,
    {
        #[pin]
        step: Step<S, Req, S::Future>,
        tell: Option<Tell<M, I>>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StepProj]
    enum Step<S, Req, F> {
        Refused { refusal: Option<Refusal> },
        Waiting { #[pin] alarm: Alarm, service: Option<S>, request: Option<Req> },
        Readying { service: S, request: Option<Req> },
        Calling { #[pin] inner: F },
    }
}

/// What the answer tells of the limit.
#[derive(Debug)]
pub(super) struct Tell<M, I> {
    pub(super) standing: Standing,
    pub(super) shared: Arc<Shared<Core<M>>>,
    pub(super) inspect: I,
}

impl<S, M, I, Req> Future<S, M, I, Req>
where
    S: tower_service::Service<Req>,
{
    pub(super) fn refused(refusal: Refusal) -> Self {
        let step = Step::Refused { refusal: Some(refusal) };
        Self { step, tell: None }
    }

    pub(super) fn calling(inner: S::Future, tell: Option<Tell<M, I>>) -> Self {
        let step = Step::Calling { inner };
        Self { step, tell }
    }

    pub(super) fn waiting(service: S, request: Req, until: Option<Instant>, tell: Option<Tell<M, I>>) -> Self {
        let step = Step::Waiting {
            alarm: Alarm::at(until),
            service: Some(service),
            request: Some(request),
        };
        Self { step, tell }
    }
}

impl<S, M, I, Req> future::Future for Future<S, M, I, Req>
where
    S: tower_service::Service<Req>,
    I: Inspect<Req, S::Response, S::Error>,
{
    type Output = Result<S::Response, Error<S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.step.as_mut().project() {
                StepProj::Refused { refusal } => {
                    let refusal = refusal.take().expect("not polled after it was ready");
                    return Poll::Ready(Err(Error::Refused(refusal)));
                }
                StepProj::Waiting {
                    alarm,
                    service,
                    request,
                } => {
                    ready!(alarm.poll(cx));
                    let service = service.take().expect("it waits once");
                    let request = request.take();
                    Step::Readying { service, request }
                }
                StepProj::Readying { service, request } => {
                    ready!(service.poll_ready(cx)).map_err(Error::Inner)?;
                    let request = request.take().expect("it is called once");
                    let inner = service.call(request);
                    Step::Calling { inner }
                }
                StepProj::Calling { inner } => {
                    let mut result = ready!(inner.poll(cx));
                    if let (Ok(response), Some(tell)) = (&mut result, this.tell) {
                        let (policy, standing) = (&tell.shared.name, tell.standing);
                        tell.inspect.mark(response, Mark::Limited { policy, standing });
                    }
                    return Poll::Ready(result.map_err(Error::Inner));
                }
            };
            this.step.set(next);
        }
    }
}

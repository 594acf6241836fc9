//! A call in its place, or on the way there.

use std::future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::entering::{Entering, Held};
use crate::Refusal;
use crate::layer::Error;

pin_project! {
    /// The way in, and then the inner service's future with its place.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Future<S, Req>
    where
        S: tower_service::Service<Req>,
    {
        #[pin]
        step: Step<S, Req, S::Future>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StepProj]
    enum Step<S, Req, F> {
        Refused { refusal: Option<Refusal> },
        Queued { #[pin] entering: Entering, service: Option<S>, request: Option<Req> },
        Readying { service: S, request: Option<Req>, held: Option<Held> },
        // The inner future is dropped before the place is given back.
        Calling { #[pin] inner: F, held: Held },
        Done,
    }
}

impl<S, Req> Future<S, Req>
where
    S: tower_service::Service<Req>,
{
    pub(super) fn refused(refusal: Refusal) -> Self {
        let step = Step::Refused { refusal: Some(refusal) };
        Self { step }
    }

    pub(super) fn calling(held: Held, call: impl FnOnce() -> S::Future) -> Self {
        let inner = call();
        let step = Step::Calling { inner, held };
        Self { step }
    }

    pub(super) fn queued(entering: Entering, service: S, request: Req) -> Self {
        let step = Step::Queued {
            entering,
            service: Some(service),
            request: Some(request),
        };
        Self { step }
    }
}

impl<S, Req> future::Future for Future<S, Req>
where
    S: tower_service::Service<Req>,
{
    type Output = Result<S::Response, Error<S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut step = self.project().step;
        loop {
            let next = match step.as_mut().project() {
                StepProj::Refused { refusal } => {
                    let refusal = refusal.take().expect("not polled after it was ready");
                    return Poll::Ready(Err(Error::Refused(refusal)));
                }
                StepProj::Queued {
                    entering,
                    service,
                    request,
                } => match ready!(entering.poll(cx)) {
                    Err(refusal) => Step::Refused { refusal: Some(refusal) },
                    Ok(held) => Step::Readying {
                        service: service.take().expect("it waits once"),
                        request: request.take(),
                        held: Some(held),
                    },
                },
                StepProj::Readying { service, request, held } => {
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        step.set(Step::Done);
                        return Poll::Ready(Err(Error::Inner(error)));
                    }
                    let inner = service.call(request.take().expect("it is called once"));
                    let held = held.take().expect("it is called once");
                    Step::Calling { inner, held }
                }
                StepProj::Calling { inner, .. } => {
                    let result = ready!(inner.poll(cx));
                    step.set(Step::Done);
                    return Poll::Ready(result.map_err(Error::Inner));
                }
                StepProj::Done => panic!("polled after it was ready"),
            };
            step.set(next);
        }
    }
}

//! A call and its repetitions.

use std::future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::state::{State, Verdict};
use crate::deadline::Deadline;
use crate::layer::{Alarm, Error, Inspect, now};
use crate::retry::GiveUp;

pin_project! {
    /// The inner service's futures, one after the other.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Future<S, I, Req>
    where
        S: tower_service::Service<Req>,
    {
        #[pin]
        step: Step<S::Future, Result<S::Response, S::Error>>,
        // None if the call is made once.
        state: Option<State<S, I, Req>>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StepProj]
    enum Step<F, R> {
        Calling { #[pin] inner: F },
        // With what the attempt before came to.
        Waiting { #[pin] alarm: Alarm, last: Option<R> },
        // The alarm is the deadline.
        Readying { #[pin] alarm: Alarm, last: Option<R> },
    }
}

impl<F, R> Step<F, R> {
    fn readying(deadline: Option<Deadline>, last: Option<R>) -> Self {
        let alarm = Alarm::at(deadline.map(Deadline::instant));
        Self::Readying { alarm, last }
    }
}

impl<S, I, Req> Future<S, I, Req>
where
    S: tower_service::Service<Req>,
{
    pub(super) fn once(inner: S::Future) -> Self {
        let step = Step::Calling { inner };
        Self { step, state: None }
    }

    pub(super) fn repeating(first: S::Future, state: State<S, I, Req>) -> Self {
        let step = Step::Calling { inner: first };
        let state = Some(state);
        Self { step, state }
    }
}

impl<S, I, Req> future::Future for Future<S, I, Req>
where
    S: tower_service::Service<Req>,
    I: Inspect<Req, S::Response, S::Error>,
{
    type Output = Result<S::Response, Error<S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProj::Calling { inner } => {
                    let result = ready!(inner.poll(cx));
                    let Some(state) = this.state else {
                        return Poll::Ready(result.map_err(Error::Inner));
                    };
                    match state.judge(&result) {
                        Verdict::Stands(reason) => return Poll::Ready(state.finish(result, reason)),
                        Verdict::Again(wait) if wait.is_zero() => {
                            this.step.set(Step::readying(state.deadline, Some(result)));
                        }
                        Verdict::Again(wait) => {
                            let (alarm, last) = (Alarm::at(now().checked_add(wait)), Some(result));
                            this.step.set(Step::Waiting { alarm, last });
                        }
                    }
                }
                StepProj::Waiting { alarm, last } => {
                    ready!(alarm.poll(cx));
                    let (state, last) = (this.state.as_ref().expect("it is repeated"), last.take());
                    this.step.set(Step::readying(state.deadline, last));
                }
                StepProj::Readying { alarm, last } => {
                    let state = this.state.as_mut().expect("it is repeated");
                    let ready = state.service.poll_ready(cx).map_err(Error::Inner)?.is_ready();
                    if !ready {
                        ready!(alarm.poll(cx));
                    }
                    if !ready || state.is_over() {
                        let last = last.take().expect("what came of the attempt before");
                        return Poll::Ready(state.finish(last, Some(GiveUp::Deadline)));
                    }
                    let request = state.next_request().expect("only what can be repeated is");
                    let inner = state.service.call(request);
                    this.step.set(Step::Calling { inner });
                }
            }
        }
    }
}

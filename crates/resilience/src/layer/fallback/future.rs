//! A call that falls back.

use std::error::Error as StdError;
use std::future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::state::{Asked, State, Verdict};
use super::{Alternative, Form};
use crate::layer::Inspect;

pin_project! {
    /// The inner service's future, and after it that of the other callee.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Future<F, G, R, T> {
        #[pin]
        step: Step<F, G, R>,
        state: T,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StepProj]
    enum Step<F, G, R> {
        Calling { #[pin] inner: F },
        Asking { #[pin] inner: G, failure: Option<R>, asked: Asked },
    }
}

impl<F, G, R, T> Future<F, G, R, T> {
    pub(super) fn new(inner: F, state: T) -> Self {
        let step = Step::Calling { inner };
        Self { step, state }
    }
}

impl<F, Res, Err, M, K, V, I, A, Req> future::Future
    for Future<F, A::Future, Result<Res, Err>, State<M, K, V, I, A, Req>>
where
    F: future::Future<Output = Result<Res, Err>>,
    Err: StdError + 'static,
    M: Form<Req, Res, Key = K, Value = V>,
    K: Hash + Eq + Clone,
    V: Clone,
    I: Inspect<Req, Res, Err>,
    A: Alternative<Req, Res>,
{
    type Output = Result<Res, Err>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let verdict = match this.step.as_mut().project() {
                StepProj::Calling { inner } => this.state.judge(ready!(inner.poll(cx))),
                StepProj::Asking { inner, failure, asked } => {
                    let answer = ready!(inner.poll(cx));
                    let failure = failure.take().expect("not polled after it was ready");
                    this.state.after(answer, failure, *asked)
                }
            };
            match verdict {
                Verdict::Stands(result) => return Poll::Ready(result),
                Verdict::Ask { asking, failure, asked } => this.step.set(Step::Asking {
                    inner: asking,
                    failure: Some(failure),
                    asked,
                }),
            }
        }
    }
}

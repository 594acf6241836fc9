//! The other callee of a chain, if there is one.

use std::future::{self, Ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::deadline::Deadline;
use crate::layer::{Alarm, Timed};

/// Whom a chain's alternative asks.
pub trait Alternative<Req, Res> {
    /// Whether it is ever asked, and so whether a copy of the request is needed.
    const ASKED: bool;
    /// The answer; `None` if there is none.
    type Future: future::Future<Output = Option<Res>>;

    /// Asks for an answer to the request, until its deadline.
    fn ask(&self, request: Req, deadline: Option<Deadline>) -> Self::Future;
}

/// Nobody is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nobody;

/// Another service is asked. Each request goes to a clone that is driven ready for it.
#[derive(Debug, Clone, Copy)]
pub struct Other<A>(pub(super) A);

pin_project! {
    /// Another service, being asked.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Asking<A, Req>
    where
        A: tower_service::Service<Req>,
    {
        service: A,
        request: Option<Req>,
        deadline: Option<Deadline>,
        #[pin]
        inner: Option<Timed<A::Future>>,
        #[pin]
        alarm: Alarm,
    }
}

impl<Req, Res> Alternative<Req, Res> for Nobody {
    const ASKED: bool = false;
    type Future = Ready<Option<Res>>;

    fn ask(&self, _request: Req, _deadline: Option<Deadline>) -> Self::Future {
        future::ready(None)
    }
}

impl<A, Req> Alternative<Req, A::Response> for Other<A>
where
    A: tower_service::Service<Req> + Clone,
{
    const ASKED: bool = true;
    type Future = Asking<A, Req>;

    fn ask(&self, request: Req, deadline: Option<Deadline>) -> Self::Future {
        Asking {
            service: self.0.clone(),
            request: Some(request),
            deadline,
            inner: None,
            alarm: Alarm::at(deadline.map(Deadline::instant)),
        }
    }
}

impl<A, Req> Asking<A, Req>
where
    A: tower_service::Service<Req>,
{
    fn poll_answer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<A::Response>> {
        let mut this = self.project();
        if this.inner.is_none() {
            if ready!(this.service.poll_ready(cx)).is_err() {
                return Poll::Ready(None);
            }
            let request = this.request.take().expect("not polled after it was ready");
            let call = || this.service.call(request);
            this.inner.set(Some(Timed::call(call, *this.deadline)));
        }
        let inner = this.inner.as_pin_mut().expect("it was just made");
        inner.poll(cx).map(Result::ok)
    }
}

impl<A, Req> future::Future for Asking<A, Req>
where
    A: tower_service::Service<Req>,
{
    type Output = Option<A::Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(answer) = self.as_mut().poll_answer(cx) {
            return Poll::Ready(answer);
        }
        self.project().alarm.poll(cx).map(|_too_late| None)
    }
}

//! The other callee of a chain, if there is one.

use std::future::{self, Ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

/// Whom a chain's alternative asks.
pub trait Alternative<Req, Res> {
    /// Whether it is ever asked, and so whether a copy of the request is needed.
    const ASKED: bool;
    /// The answer; `None` if there is none.
    type Future: future::Future<Output = Option<Res>>;

    /// Asks for an answer to the request.
    fn ask(&self, request: Req) -> Self::Future;
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
        #[pin]
        inner: Option<A::Future>,
    }
}

impl<Req, Res> Alternative<Req, Res> for Nobody {
    const ASKED: bool = false;
    type Future = Ready<Option<Res>>;

    fn ask(&self, _request: Req) -> Self::Future {
        future::ready(None)
    }
}

impl<A, Req> Alternative<Req, A::Response> for Other<A>
where
    A: tower_service::Service<Req> + Clone,
{
    const ASKED: bool = true;
    type Future = Asking<A, Req>;

    fn ask(&self, request: Req) -> Self::Future {
        Asking {
            service: self.0.clone(),
            request: Some(request),
            inner: None,
        }
    }
}

impl<A, Req> future::Future for Asking<A, Req>
where
    A: tower_service::Service<Req>,
{
    type Output = Option<A::Response>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.inner.is_none() {
            if ready!(this.service.poll_ready(cx)).is_err() {
                return Poll::Ready(None);
            }
            let request = this.request.take().expect("not polled after it was ready");
            this.inner.set(Some(this.service.call(request)));
        }
        let inner = this.inner.as_pin_mut().expect("it was just made");
        inner.poll(cx).map(Result::ok)
    }
}

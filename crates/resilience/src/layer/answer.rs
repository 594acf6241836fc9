//! Refusals as HTTP responses.
//!
//! The outermost layer in front of a server. What the layers inside refused, stopped or caught becomes a response: the
//! status of its cause, `x-nines-cause` with the evidence, Retry-After where a time is known, and a body that says why. A
//! gRPC request is answered in gRPC, with the status in the head ("Trailers-Only"). The error that is left is the inner
//! service's own, however many layers it went through, so an axum router's `Infallible` stays `Infallible`.

mod body;
mod future;
mod report;
mod settle;

use std::task::{Context, Poll, ready};

use http::{Request, Response};

use super::inspect::is_grpc;

pub use body::{Body, Silent, Text};
pub use future::Future;
pub use report::{CAUSE, Report};
pub use settle::{Settle, Settled};

/// Makes services that answer for the layers inside.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layer<W = Text> {
    body: W,
}

/// A service that answers for the layers inside.
#[derive(Debug)]
pub struct Service<S, W = Text> {
    inner: S,
    body: W,
    /// What a layer inside said instead of being ready: the answer to the next call.
    unready: Option<Box<Report>>,
}

impl<S: Clone, W: Clone> Clone for Service<S, W> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            body: self.body.clone(),
            unready: None,
        }
    }
}

impl Layer<Text> {
    /// Answers with a text: for bodies that are made from one, such as `axum::body::Body` and `Full<Bytes>`.
    pub fn new() -> Self {
        Self { body: Text }
    }
}

impl Layer<Silent> {
    /// Answers without a body, where none can be made from a text, as with `tonic::body::Body`.
    pub fn silent() -> Self {
        Self { body: Silent }
    }
}

impl<S, W: Clone> tower_layer::Layer<S> for Layer<W> {
    type Service = Service<S, W>;

    fn layer(&self, inner: S) -> Self::Service {
        let body = self.body.clone();
        Service {
            inner,
            body,
            unready: None,
        }
    }
}

impl<S, W, B, D> tower_service::Service<Request<B>> for Service<S, W>
where
    S: tower_service::Service<Request<B>, Response = Response<D>>,
    S::Error: Settle,
    W: Body<D> + Clone,
{
    type Response = Response<D>;
    type Error = <S::Error as Settle>::Rest;
    type Future = Future<S::Future, W>;

    /// A layer inside that fails where it should become ready is answered for in the call.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Err(error) = ready!(self.inner.poll_ready(cx)) else {
            return Poll::Ready(Ok(()));
        };
        match error.settle() {
            Settled::Theirs(error) => Poll::Ready(Err(error)),
            Settled::Ours(report) => {
                self.unready = Some(report);
                Poll::Ready(Ok(()))
            }
        }
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let grpc = is_grpc(request.headers());
        if let Some(report) = self.unready.take() {
            return Future::answered(report, self.body.clone(), grpc);
        }
        Future::running(self.inner.call(request), self.body.clone(), grpc)
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

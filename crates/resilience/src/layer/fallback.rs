//! What is answered when the callee cannot.
//!
//! It stands outside of all other layers: a call that failed, or that a layer inside refused, is answered by the first
//! source of the [`Chain`] that has something. Such an answer is marked ([`Mark::Degraded`](super::Mark)). Good answers
//! are kept, where the chain keeps any and [`Inspect::keeps`] allows it. If no source has anything, the failure stands as
//! it is; so does the error of a request that is itself at fault.

mod form;
mod future;
mod other;
mod state;

use std::error::Error as StdError;
use std::hash::Hash;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Inspect, known_deadline, now};
use crate::deadline::Deadline;
use crate::fallback::Chain;

pub use form::{Form, Page, Pages, Whole};
pub use future::Future;
pub use other::{Alternative, Asking, Nobody, Other};
pub use state::State;

/// The sources, and how their values become responses.
#[derive(Debug)]
pub struct Core<M, K, V> {
    pub chain: Chain<K, V>,
    form: M,
}

/// Makes services that fall back. `M` is the form of what is kept, `A` the other callee.
#[derive(Debug)]
pub struct Layer<M, K, V, I, A = Nobody> {
    core: Arc<Core<M, K, V>>,
    inspect: I,
    alternative: A,
}

/// A service that falls back.
#[derive(Debug)]
pub struct Service<S, M, K, V, I, A = Nobody> {
    inner: S,
    core: Arc<Core<M, K, V>>,
    inspect: I,
    alternative: A,
}

impl<M, K, V, I> Layer<M, K, V, I> {
    /// Falls back on `chain`, in which an alternative has nothing.
    pub fn new(form: M, chain: Chain<K, V>, inspect: I) -> Self {
        Self {
            core: Arc::new(Core { chain, form }),
            inspect,
            alternative: Nobody,
        }
    }

    /// The chain's alternative is this service. It gets a copy of the request, so each call is copied.
    ///
    /// It is asked as a retry would be: only if the call is idempotent or was not sent, and until the request's deadline,
    /// of which it is told what is left. For a shorter limit put a [`timeout`](super::timeout) around it.
    pub fn with_alternative<A>(self, alternative: A) -> Layer<M, K, V, I, Other<A>> {
        Layer {
            core: self.core,
            inspect: self.inspect,
            alternative: Other(alternative),
        }
    }
}

impl<M, K, V, I, A> Layer<M, K, V, I, A> {
    /// What its services share.
    pub fn core(&self) -> &Arc<Core<M, K, V>> {
        &self.core
    }
}

impl<M, K, V, I: Clone, A: Clone> Clone for Layer<M, K, V, I, A> {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
            inspect: self.inspect.clone(),
            alternative: self.alternative.clone(),
        }
    }
}

impl<S: Clone, M, K, V, I: Clone, A: Clone> Clone for Service<S, M, K, V, I, A> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            core: self.core.clone(),
            inspect: self.inspect.clone(),
            alternative: self.alternative.clone(),
        }
    }
}

impl<S, M, K, V, I: Clone, A: Clone> tower_layer::Layer<S> for Layer<M, K, V, I, A> {
    type Service = Service<S, M, K, V, I, A>;

    fn layer(&self, inner: S) -> Self::Service {
        Service {
            inner,
            core: self.core.clone(),
            inspect: self.inspect.clone(),
            alternative: self.alternative.clone(),
        }
    }
}

impl<S, M, K, V, I, A, Req> tower_service::Service<Req> for Service<S, M, K, V, I, A>
where
    S: tower_service::Service<Req>,
    S::Error: StdError + 'static,
    M: Form<Req, S::Response, Key = K, Value = V>,
    K: Hash + Eq + Clone,
    V: Clone,
    I: Inspect<Req, S::Response, S::Error> + Clone,
    A: Alternative<Req, S::Response> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Future<S::Future, A::Future, Result<S::Response, S::Error>, State<M, K, V, I, A, Req>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let (copy, deadline) = match A::ASKED {
            true => (self.inspect.copy(&request), self.deadline(&request)),
            false => (None, None),
        };
        let state = State {
            key: self.core.form.key(&request),
            idempotent: A::ASKED && self.inspect.idempotent(&request),
            request: copy,
            deadline,
            core: self.core.clone(),
            inspect: self.inspect.clone(),
            alternative: self.alternative.clone(),
        };
        Future::new(self.inner.call(request), state)
    }
}

impl<S, M, K, V, I, A> Service<S, M, K, V, I, A> {
    /// A deadline that cannot be read is for the layers inside to refuse.
    fn deadline<Req>(&self, request: &Req) -> Option<Deadline>
    where
        S: tower_service::Service<Req>,
        I: Inspect<Req, S::Response, S::Error>,
    {
        let arrived = self.inspect.arrived(request, now()).ok().flatten();
        known_deadline(&self.inspect, request, arrived)
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

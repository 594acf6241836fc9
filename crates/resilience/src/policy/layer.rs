//! A whole Policy as one tower layer.
//!
//! The order of its parts, and why, is that of [`policy`](super). In place of a stack of layers it is one service with one
//! future, so that a call that is let through and answered at once costs two looks at the clock, one clone of an `Arc` and
//! no allocation; timers are made once the inner future was pending, and what retries and hedges need is boxed when there
//! is one.
//!
//! Requests are copied before the first attempt where the policy may make another ([`Inspect::copy`]); those that cannot be
//! copied are sent once. A call is let in when it is called and not in `poll_ready`, because who may come in depends on the
//! request: its deadline, its priority, its key. The inner service's own readiness is passed on.

mod begin;
mod future;
mod guard;
mod hedges;
mod recover;
mod result;
#[cfg(all(test, not(feature = "loom")))]
mod tests;
mod timed;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;

use super::{Config, Governor};
use crate::adaptive::Priority;
use crate::layer::{Error, Inspect, now};
use crate::{Invalid, Name};

pub use future::Future;
pub use recover::{Chained, Never, Recover, Recovered};

/// Makes services that keep a policy.
pub struct Layer<I, R = Never> {
    shared: Arc<Shared<I, R>>,
}

/// A service that keeps a policy. Its clones share all of it.
pub struct Service<S, I, R = Never> {
    inner: S,
    shared: Arc<Shared<I, R>>,
    priority: Priority,
}

/// What the services of a layer share.
struct Shared<I, R> {
    current: ArcSwap<State<I, R>>,
}

/// The policy as it is at a time.
#[derive(Debug)]
pub(super) struct State<I, R> {
    pub(super) governor: Governor,
    pub(super) inspect: I,
    pub(super) recover: R,
}

impl<I> Layer<I> {
    /// A layer that keeps the policy, and tells its failures as they are.
    pub fn new(name: impl Into<Name>, config: Config, inspect: I) -> Result<Self, Invalid> {
        Self::recovering(name, config, inspect, Never)
    }
}

impl<I, R> Layer<I, R> {
    /// A layer that keeps the policy, and asks `recover` for an answer where there is none.
    pub fn recovering(name: impl Into<Name>, config: Config, inspect: I, recover: R) -> Result<Layer<I, R>, Invalid> {
        let state = State {
            governor: Governor::new(name.into(), config, now())?,
            inspect,
            recover,
        };
        let current = ArcSwap::from_pointee(state);
        let shared = Arc::new(Shared { current });
        Ok(Layer { shared })
    }

    /// Looks at the governor as it is now.
    pub fn governor<T>(&self, look: impl FnOnce(&Governor) -> T) -> T {
        look(&self.shared.current.load().governor)
    }

    /// Changes the policy of all services of this layer while they run. What did not change keeps its state
    /// ([`Governor::rebuilt`]); calls under way end as they began. On an error nothing is changed.
    pub fn change(&self, config: Config) -> Result<(), Invalid>
    where
        I: Clone,
        R: Clone,
    {
        let before = self.shared.current.load();
        let state = State {
            governor: before.governor.rebuilt(config, now())?,
            inspect: before.inspect.clone(),
            recover: before.recover.clone(),
        };
        self.shared.current.store(Arc::new(state));
        Ok(())
    }
}

impl<S, I, R> Service<S, I, R> {
    /// The service for calls of this priority, which counts with all others.
    #[must_use]
    pub fn with_priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }
}

impl<S, I, R> tower_layer::Layer<S> for Layer<I, R> {
    type Service = Service<S, I, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Service {
            inner,
            shared: self.shared.clone(),
            priority: Priority::default(),
        }
    }
}

impl<S, I, R, Req> tower_service::Service<Req> for Service<S, I, R>
where
    S: tower_service::Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
    R: Recover<Req, S::Response>,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Future<S, Req, I, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let state = self.shared.current.load_full();
        Future::begin(state, &mut self.inner, request, self.priority)
    }
}

impl<I, R> Clone for Layer<I, R> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<S: Clone, I, R> Clone for Service<S, I, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
            priority: self.priority,
        }
    }
}

impl<I, R> fmt::Debug for Layer<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.current.load();
        f.debug_struct("Layer").field("governor", &state.governor).finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, I, R> fmt::Debug for Service<S, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.current.load();
        f.debug_struct("Service")
            .field("inner", &self.inner)
            .field("governor", &state.governor)
            .finish_non_exhaustive()
    }
}

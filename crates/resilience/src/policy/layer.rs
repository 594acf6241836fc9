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
//!
//! The policy's fallback is a [layer of its own](crate::layer::fallback) around this one, since what it answers with
//! depends on the type of the response: [`FallbackConfig::chain`](super::FallbackConfig::chain) makes its sources.

mod begin;
mod future;
mod guard;
mod hedges;
mod result;
#[cfg(all(test, not(feature = "loom")))]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::{Config, Governor};
use crate::adaptive::Priority;
use crate::adaptive::cpu::{self, Feeder, Meter};
use crate::layer::{Error, Inspect, now};
use crate::{Invalid, Name};

pub use future::Future;

/// Makes services that keep a policy.
pub struct Layer<I> {
    shared: Arc<Shared<I>>,
}

/// A service that keeps a policy. Its clones share all of it.
pub struct Service<S, I> {
    inner: S,
    shared: Arc<Shared<I>>,
    priority: Priority,
}

/// What the services of a layer share.
struct Shared<I> {
    current: ArcSwap<State<I>>,
    /// One change after the other: each goes on with the cores that the one before left.
    changing: Mutex<()>,
    feeder: OnceLock<Feeder>,
}

/// The policy as it is at a time.
#[derive(Debug)]
pub(super) struct State<I> {
    pub(super) governor: Governor,
    pub(super) inspect: I,
    tells: AtomicBool,
}

impl<I> Layer<I> {
    /// A layer that keeps the policy. Refusals bear `name`.
    pub fn new(name: impl Into<Name>, config: Config, inspect: I) -> Result<Self, Invalid> {
        let state = State {
            governor: Governor::new(name.into(), config, now())?,
            inspect,
            tells: AtomicBool::new(false),
        };
        let shared = Shared {
            current: ArcSwap::from_pointee(state),
            changing: Mutex::new(()),
            feeder: OnceLock::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Tells on every answer what is left of the rate limit that has least left, in the RateLimit fields. It costs two
    /// header values for each, so it is not done unless asked for; a refusal by [`answer`](crate::layer::answer) tells of
    /// its limit in any case.
    #[must_use]
    pub fn telling(self) -> Self {
        {
            let _alone = self.shared.changing.lock();
            self.shared.current.load().tells.store(true, Ordering::Relaxed);
        }
        self
    }

    /// Measures the load of the processors for the policy's `shed`, with the calls themselves ([`Feeder`]). Without it a
    /// shedder refuses nothing until somebody else feeds it ([`Governor::shedder`]). The error says why the load cannot be
    /// measured here.
    pub fn metering(self) -> Result<Self, cpu::Error> {
        let now = now();
        let meter = Meter::new(now)?;
        Ok(self.fed_by(Feeder::new(meter, now)))
    }

    fn fed_by(self, feeder: Feeder) -> Self {
        // One meter is enough.
        let _first = self.shared.feeder.set(feeder);
        self
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
    {
        let _alone = self.shared.changing.lock();
        let before = self.shared.current.load();
        let state = State {
            governor: before.governor.rebuilt(config, now())?,
            inspect: before.inspect.clone(),
            tells: AtomicBool::new(before.tells()),
        };
        self.shared.current.store(Arc::new(state));
        Ok(())
    }
}

impl<I> State<I> {
    /// Whether answers tell what is left of the rate limits.
    fn tells(&self) -> bool {
        self.tells.load(Ordering::Relaxed)
    }
}

impl<S, I> Service<S, I> {
    /// The service for calls of this priority, where the request does not say its own; it counts with all others.
    #[must_use]
    pub fn with_priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }
}

impl<S, I> tower_layer::Layer<S> for Layer<I> {
    type Service = Service<S, I>;

    fn layer(&self, inner: S) -> Self::Service {
        Service {
            inner,
            shared: self.shared.clone(),
            priority: Priority::default(),
        }
    }
}

impl<S, I, Req> tower_service::Service<Req> for Service<S, I>
where
    S: tower_service::Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Future<S, Req, I>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let state = self.shared.current.load_full();
        if let (Some(feeder), Some(shedder)) = (self.shared.feeder.get(), state.governor.shedder()) {
            feeder.feed(shedder, now());
        }
        Future::begin(state, &mut self.inner, request, self.priority)
    }
}

impl<I> Clone for Layer<I> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<S: Clone, I> Clone for Service<S, I> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
            priority: self.priority,
        }
    }
}

impl<I> fmt::Debug for Layer<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.current.load();
        f.debug_struct("Layer")
            .field("governor", &state.governor)
            .finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, I> fmt::Debug for Service<S, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.current.load();
        f.debug_struct("Service")
            .field("inner", &self.inner)
            .field("governor", &state.governor)
            .finish_non_exhaustive()
    }
}

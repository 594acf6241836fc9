//! A [`Bulkhead`] around a service: so many calls in flight, and no more.
//!
//! What happens to the next one is chosen by name:
//!
//! - [`Layer::reject`]: it is refused at once.
//! - [`Layer::queue`]: it waits in its own future, ordered by deadline, with so many others and for so long at most, and is
//!   refused otherwise. While it waits it holds nothing of the inner service.
//! - [`Layer::backpressure`]: the service is not ready until there is room. The permit is taken in `poll_ready`, and given
//!   back when the clone that holds it is dropped without a call. Deadlines are not known there. What the queue refuses is
//!   told in the call, because a service that errs in `poll_ready` is taken for dead.

mod entering;
mod future;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::checked::{let_go, take_fresh};
use super::{Error, Inspect, Shared};
use crate::bulkhead::{Bulkhead, Config};
use crate::deadline::Deadline;
use crate::invalid::ensure;
use crate::{Invalid, Name, Refusal};

pub(crate) use entering::{Entering, Held};
pub use future::Future;

/// What happens to a call for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Full {
    Reject,
    Queue,
    Backpressure,
}

/// Makes services with a bulkhead, which they and their clones share.
#[derive(Debug, Clone)]
pub struct Layer<I> {
    shared: Arc<Shared<Arc<Bulkhead>>>,
    full: Full,
    inspect: I,
}

/// A service with a bulkhead.
#[derive(Debug)]
pub struct Service<S, I> {
    inner: S,
    shared: Arc<Shared<Arc<Bulkhead>>>,
    full: Full,
    inspect: I,
    door: Door,
}

/// How far the next call has come in `poll_ready`.
#[derive(Debug)]
enum Door {
    Outside,
    Waiting(Pin<Box<Entering>>),
    Inside(Held),
    Refused(Refusal),
}

impl<I> Layer<I> {
    /// Refuses at once what finds no room.
    pub fn reject(name: impl Into<Name>, config: Config, inspect: I) -> Result<Self, Invalid> {
        Self::with(name.into(), config, Full::Reject, inspect)
    }

    /// Lets calls wait in their futures.
    pub fn queue(name: impl Into<Name>, config: Config, inspect: I) -> Result<Self, Invalid> {
        Self::with(name.into(), config, Full::Queue, inspect)
    }

    /// Lets callers wait for readiness.
    pub fn backpressure(name: impl Into<Name>, config: Config, inspect: I) -> Result<Self, Invalid> {
        Self::with(name.into(), config, Full::Backpressure, inspect)
    }

    fn with(name: Name, config: Config, full: Full, inspect: I) -> Result<Self, Invalid> {
        let waits = full == Full::Reject || config.max_queue > 0;
        let allowed = "at least 1 where calls wait";
        ensure(waits, "bulkhead.maxQueue", config.max_queue, allowed)?;
        let shared = Shared::new(name, Arc::new(Bulkhead::new(config)?));
        Ok(Self { shared, full, inspect })
    }

    /// What its services share: the bulkhead, for its snapshot and its controls.
    pub fn shared(&self) -> &Arc<Shared<Arc<Bulkhead>>> {
        &self.shared
    }
}

impl<S, I: Clone> tower_layer::Layer<S> for Layer<I> {
    type Service = Service<S, I>;

    fn layer(&self, inner: S) -> Self::Service {
        Service {
            inner,
            shared: self.shared.clone(),
            full: self.full,
            inspect: self.inspect.clone(),
            door: Door::Outside,
        }
    }
}

/// A clone stands outside, wherever the original is.
impl<S: Clone, I: Clone> Clone for Service<S, I> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
            full: self.full,
            inspect: self.inspect.clone(),
            door: Door::Outside,
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
    type Future = Future<S, Req>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.full == Full::Backpressure {
            ready!(self.poll_door(cx));
            if matches!(self.door, Door::Refused(_)) {
                return Poll::Ready(Ok(()));
            }
        }
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        match std::mem::replace(&mut self.door, Door::Outside) {
            Door::Inside(held) => return Future::calling(held, || self.inner.call(request)),
            Door::Refused(refusal) => return self.refuse(refusal),
            Door::Outside | Door::Waiting(_) => {}
        }
        let refused = match self.shared.core.try_enter() {
            Ok(slot) => {
                let held = Held::new(self.shared.clone(), slot);
                return Future::calling(held, || self.inner.call(request));
            }
            Err(refused) => refused,
        };
        if self.full != Full::Queue {
            return self.refuse(self.shared.refusal(refused));
        }
        let deadline = self.inspect.deadline(&request).map(Deadline::instant);
        let entering = Entering::new(self.shared.clone(), deadline);
        Future::queued(entering, take_fresh(&mut self.inner), request)
    }
}

impl<S, I> Service<S, I> {
    fn poll_door(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.door, Door::Outside) {
            self.door = match self.shared.core.try_enter() {
                Ok(slot) => Door::Inside(Held::new(self.shared.clone(), slot)),
                Err(_) => Door::Waiting(Box::pin(Entering::new(self.shared.clone(), None))),
            };
        }
        if let Door::Waiting(entering) = &mut self.door {
            self.door = match ready!(entering.as_mut().poll(cx)) {
                Ok(held) => Door::Inside(held),
                Err(refusal) => Door::Refused(refusal),
            };
        }
        Poll::Ready(())
    }

    #[cold]
    fn refuse<Req>(&mut self, refusal: Refusal) -> Future<S, Req>
    where
        S: tower_service::Service<Req> + Clone,
    {
        let_go(&mut self.inner);
        Future::refused(refusal)
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

//! Trying again, within a budget.
//!
//! Each attempt goes to a service that was driven ready for it. A request is tried again only if it can be copied
//! ([`Inspect::copy`]), if [`Attempts`] finds it safe and in time, and if the budget pays. The answer of the last attempt
//! is the call's answer; an error that more than one attempt gave is [`Error::GaveUp`] with what came of each.

mod future;
mod state;

use std::sync::Arc;
use std::task::{Context, Poll};

use super::checked::take_ready;
use super::{Error, Inspect, around, now};
use crate::retry::{Attempts, Budget, Config};
use crate::{Invalid, Name};
use state::State;

pub use future::Future;

/// How calls are tried again, and who pays.
#[derive(Debug)]
pub struct Core {
    pub config: Config,
    pub budget: Arc<Budget>,
}

/// Makes services that try again.
pub type Layer<I> = around::Layer<Core, I>;

/// A service that tries again.
pub type Service<S, I> = around::Service<S, Core, I>;

impl<I> Layer<I> {
    /// A layer that takes its extra attempts from `budget`, and pays into it for each call.
    pub fn new(name: impl Into<Name>, config: Config, budget: Arc<Budget>, inspect: I) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self::around(name.into(), Core { config, budget }, inspect))
    }
}

impl<S, I, Req> tower_service::Service<Req> for Service<S, I>
where
    S: tower_service::Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Future<S, I, Req>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let now = now();
        self.shared.core.budget.record_request(now);
        let Some(copy) = self.copy(&request) else {
            return Future::once(self.inner.call(request));
        };
        let attempts = Attempts::new(self.shared.core.config, self.inspect.outer(&copy), now);
        let mut service = take_ready(&mut self.inner);
        let first = service.call(request);
        let state = State {
            idempotent: self.inspect.idempotent(&copy),
            deadline: self.inspect.deadline(&copy),
            service,
            request: Some(copy),
            attempts,
            shared: self.shared.clone(),
            inspect: self.inspect.clone(),
        };
        Future::repeating(first, state)
    }
}

impl<S, I> Service<S, I> {
    /// The request for another attempt, if there can be one.
    fn copy<Req>(&self, request: &Req) -> Option<Req>
    where
        S: tower_service::Service<Req>,
        I: Inspect<Req, S::Response, S::Error>,
    {
        if self.shared.core.config.attempts == 0 || self.inspect.outer(request).is_repetition() {
            return None;
        }
        self.inspect.copy(request)
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

//! A second try beside a slow first one.
//!
//! A call that is outstanding for longer than most take gets a second attempt beside it, if it is idempotent, can be
//! copied, and the budget pays. The first good answer is the call's answer; the attempts that lose are dropped at once,
//! which cancels them. An attempt that fails while others are under way leaves the call to these; if all fail, the first
//! failure is the answer. What is suppressed is always the extra attempt. A hedge that goes out is the one thing that
//! allocates.

mod future;
mod state;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::{Error, Inspect, around, now};
use crate::hedge::{Config, Hedge, Race};
use crate::retry::Budget;
use crate::{Invalid, Name};
use state::State;

pub use future::Future;

/// How long calls take, and who pays for hedges.
#[derive(Debug)]
pub struct Core {
    pub hedge: Hedge,
    pub budget: Arc<Budget>,
    /// Whether calls pay into the budget here, and not in a retry outside.
    pays: bool,
}

/// Makes services that hedge.
pub type Layer<I> = around::Layer<Core, I>;

/// A service that hedges.
pub type Service<S, I> = around::Service<S, Core, I>;

impl<I> Layer<I> {
    /// A layer that takes its extra attempts from `budget`, and pays into it for each call.
    pub fn new(name: impl Into<Name>, config: Config, budget: Arc<Budget>, inspect: I) -> Result<Self, Invalid> {
        Self::with(name.into(), config, budget, true, inspect)
    }

    /// The same inside of a [`retry`](super::retry) layer that has the same budget, and pays into it already.
    pub fn inside_retry(
        name: impl Into<Name>,
        config: Config,
        budget: Arc<Budget>,
        inspect: I,
    ) -> Result<Self, Invalid> {
        Self::with(name.into(), config, budget, false, inspect)
    }

    fn with(name: Name, config: Config, budget: Arc<Budget>, pays: bool, inspect: I) -> Result<Self, Invalid> {
        let hedge = Hedge::new(config, now())?;
        Ok(Self::around(name, Core { hedge, budget, pays }, inspect))
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
        if self.shared.core.pays {
            self.shared.core.budget.record_request(now);
        }
        let state = self.state(&request, now);
        Future::new(self.inner.call(request), state)
    }
}

impl<S: Clone, I: Clone> Service<S, I> {
    /// What the call keeps; to be hedged only if nothing speaks against it yet, since that costs a copy.
    fn state<Req>(&self, request: &Req, now: Instant) -> State<S, I, Req>
    where
        S: tower_service::Service<Req>,
        I: Inspect<Req, S::Response, S::Error>,
    {
        let (inspect, hedge) = (&self.inspect, &self.shared.core.hedge);
        let race = Race::new(
            inspect.idempotent(request),
            inspect.outer(request),
            inspect.deadline(request),
        );
        let due = race.next(hedge, now).and_then(|delay| now.checked_add(delay));
        let copy = due.and_then(|_| inspect.copy(request));
        State {
            begun: now,
            due: due.filter(|_| copy.is_some()),
            service: copy.is_some().then(|| self.inner.clone()),
            request: copy,
            race,
            shared: self.shared.clone(),
            inspect: inspect.clone(),
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

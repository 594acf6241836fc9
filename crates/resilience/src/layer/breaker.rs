//! A [`Breaker`] around a service.
//!
//! Outside of the attempt's [`timeout`](super::timeout), so that a callee that does not answer counts as failed, and
//! inside of [`retry`](super::retry), so that each attempt counts for itself. What a layer inside refuses says nothing of
//! the callee and is not counted; a panic is a failure; a call that is dropped gives a half-open slot back.

use super::around;
use super::gate::{self, Gate};
use super::now;
use crate::adaptive::Priority;
use crate::breaker::{Breaker, Config, Ticket};
use crate::{Invalid, Name, Observed, Refused};

/// Makes services with a breaker, which they and their clones share.
pub type Layer<I> = around::Layer<Breaker, I>;

/// A service with a breaker.
pub type Service<S, I> = around::Service<S, Breaker, I>;

/// A call that the breaker let through, or refused.
pub type Future<F, I, Req> = gate::Future<F, Breaker, I, Req>;

impl<I> Layer<I> {
    /// A layer with a closed breaker, whose refusals bear `name`.
    pub fn new(name: impl Into<Name>, config: Config, inspect: I) -> Result<Self, Invalid> {
        Ok(Self::around(name.into(), Breaker::new(config, now())?, inspect))
    }
}

impl Gate for Breaker {
    type Ticket = Ticket;

    fn enter(&self, _priority: Priority) -> Result<Ticket, Refused> {
        self.check(now())
    }

    fn record(&self, ticket: Ticket, observed: Observed) {
        Breaker::record(self, ticket, observed, now());
    }

    fn release(&self, ticket: Ticket) {
        Breaker::release(self, ticket);
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

//! An adaptive [`Limiter`] around a service: as many calls in flight as the callee can do without a queue.
//!
//! Around whatever has a latency of its own; waits that are ours (a queue, a retry's pause) belong outside of it, or they
//! pass for the callee's. The latency of a success counts; what is dropped says nothing. The request says how important
//! it is ([`Inspect::priority`](super::Inspect::priority)).

use super::around;
use super::gate::{self, Gate};
use super::now;
use crate::adaptive::{Config, Limiter, Priority, Ticket};
use crate::{Invalid, Name, Observed, Refused};

/// Makes services with an adaptive limit, which they and their clones share.
pub type Layer<I> = around::Layer<Limiter, I>;

/// A service with an adaptive limit.
pub type Service<S, I> = around::Service<S, Limiter, I>;

/// A call that the limit let through, or refused.
pub type Future<F, I, Req> = gate::Future<F, Limiter, I, Req>;

impl<I> Layer<I> {
    /// A layer whose limit begins at `config.initial`, and whose refusals bear `name`.
    pub fn new(name: impl Into<Name>, config: Config, inspect: I) -> Result<Self, Invalid> {
        Ok(Self::around(name.into(), Limiter::new(config, now())?, inspect))
    }
}

impl Gate for Limiter {
    type Ticket = Ticket;

    fn enter(&self, priority: Priority) -> Result<Ticket, Refused> {
        self.try_enter(priority, now())
    }

    fn record(&self, ticket: Ticket, observed: Observed) {
        Limiter::record(self, ticket, observed.outcome, now());
    }

    fn release(&self, ticket: Ticket) {
        Limiter::release(self, ticket);
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

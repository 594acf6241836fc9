//! A [`Shedder`] around a service: fewer calls while the process is short of processor time.
//!
//! It is the outermost of what refuses, because it protects this process and not the callee. The load comes from outside:
//! whoever makes the layer feeds `layer.shared().core`, by a task ([`Shedder::feed_from`]) or with the calls themselves
//! ([`Feeder`](crate::adaptive::cpu::Feeder)). The request says how important it is
//! ([`Inspect::priority`](super::Inspect::priority)).

use super::around;
use super::gate::{self, Gate};
use super::now;
use crate::adaptive::{Priority, ShedTicket, Shedder, ShedderConfig};
use crate::{Invalid, Name, Observed, Refused};

/// Makes services with a shedder, which they and their clones share.
pub type Layer<I> = around::Layer<Shedder, I>;

/// A service with a shedder.
pub type Service<S, I> = around::Service<S, Shedder, I>;

/// A call that the shedder let through, or refused.
pub type Future<F, I, Req> = gate::Future<F, Shedder, I, Req>;

impl<I> Layer<I> {
    /// A layer that refuses nothing until it is fed, whose refusals bear `name`.
    pub fn new(name: impl Into<Name>, config: ShedderConfig, inspect: I) -> Result<Self, Invalid> {
        Ok(Self::around(name.into(), Shedder::new(config, now())?, inspect))
    }
}

impl Gate for Shedder {
    type Ticket = ShedTicket;

    fn enter(&self, priority: Priority) -> Result<ShedTicket, Refused> {
        self.try_enter(priority, now())
    }

    fn record(&self, ticket: ShedTicket, observed: Observed) {
        Shedder::record(self, ticket, observed.outcome, now());
    }

    fn release(&self, ticket: ShedTicket) {
        Shedder::release(self, ticket);
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

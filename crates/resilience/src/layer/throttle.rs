//! A [`Throttle`] around a service: calls are refused here with the probability that the callee would refuse them.

use super::gate::{self, Gate};
use super::{around, chance, now};
use crate::adaptive::Priority;
use crate::throttle::{Config, Throttle};
use crate::{Invalid, Name, Observed, Refused};

/// Makes throttled services.
pub type Layer<I> = around::Layer<Throttle, I>;

/// A throttled service.
pub type Service<S, I> = around::Service<S, Throttle, I>;

/// A call that the throttle let through, or refused.
pub type Future<F, I, Req> = gate::Future<F, Throttle, I, Req>;

impl<I> Layer<I> {
    /// A layer that has seen nothing yet, whose refusals bear `name`.
    pub fn new(name: impl Into<Name>, config: Config, inspect: I) -> Result<Self, Invalid> {
        Ok(Self::around(name.into(), Throttle::new(config, now())?, inspect))
    }
}

/// A throttle gives no ticket: only what a call came to counts.
impl Gate for Throttle {
    type Ticket = ();

    fn enter(&self, _priority: Priority) -> Result<(), Refused> {
        self.check(now(), chance::unit())
    }

    fn record(&self, (): (), observed: Observed) {
        Throttle::record(self, observed.outcome, now());
    }

    fn release(&self, (): ()) {}
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

//! A [`Shedder`] around a service: calls are refused while the processor is overloaded.
//!
//! It reads nothing by itself. Feed it the processor's load ([`Shedder::feed`]) from one task of your own, which can have
//! it from [`Layer::shared`](super::gate::Layer::shared).

use super::gate::{self, Gate};
use super::now;
use crate::adaptive::{Priority, ShedConfig, ShedTicket, Shedder};
use crate::{Invalid, Name, Observed, Refused};

/// Makes services that shed load.
pub type Layer<I> = gate::Layer<Shedder, I>;

/// A service that sheds load.
pub type Service<S, I> = gate::Service<S, Shedder, I>;

/// A call that was let through, or shed.
pub type Future<F, I, Req> = gate::Future<F, Shedder, I, Req>;

impl<I> Layer<I> {
    /// A layer that knows of no load yet, whose refusals bear `name`.
    pub fn new(name: impl Into<Name>, config: ShedConfig, inspect: I) -> Result<Self, Invalid> {
        Ok(Self::around(name.into(), Shedder::new(config, now())?, inspect))
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

//! All cores of one policy, asked in one order.

mod admit;
mod attempt;
mod build;
mod snapshot;
#[cfg(all(test, not(feature = "loom")))]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::rate::Rate;
use super::{Config, Counts};
use crate::breaker::{self, Breaker};
use crate::bulkhead::Bulkhead;
use crate::hedge::Hedge;
use crate::retry::Budget;
use crate::throttle::Throttle;
use crate::{Invalid, Name, adaptive};

pub use snapshot::Snapshot;

/// All cores of one policy. Pure: time and chance are arguments, nothing waits, nothing is spawned.
///
/// A call goes through it so:
///
/// 1. [`Governor::begin`], then [`Governor::arrive`]: is there time, and a place? If [`Arrival::Queued`], wait and give the
///    place to [`Governor::seat`].
/// 2. [`Governor::pass`]: do the rate limits let it through, and after which wait?
/// 3. [`Governor::attempt`]: may the callee be asked? Then ask it, and tell what came of it to [`Governor::settle`].
/// 4. [`Governor::next`]: is it to be asked again, and when? If so, from 3.
/// 5. [`Governor::finish`], once, whatever happened; or [`Governor::abandon`] if the caller went away.
///
/// Beside an attempt under way [`Governor::hedge_after`] and [`Governor::hedge`] say whether to make another.
///
/// A refusal in any step leaves the call to be given back by step 5. [`Governor::rebuilt`] makes the governor of a changed
/// policy; what did not change keeps its state.
///
/// [`Arrival::Queued`]: super::Arrival::Queued
pub struct Governor {
    name: Name,
    config: Config,
    shed: Option<Gate<adaptive::Shedder>>,
    bulkhead: Option<Gate<Bulkhead>>,
    concurrency: Option<Gate<adaptive::Limiter>>,
    rates: Box<[Gate<Rate>]>,
    budget: Arc<Budget>,
    hedge: Option<Arc<Hedge>>,
    throttle: Option<Gate<Throttle>>,
    breaker: Option<Gate<Breaker>>,
    /// Calls that run beside a bulkhead in shadow mode.
    beside: Arc<admit::Beside>,
    counts: Arc<Counts>,
}

/// A core, shared with the governors before and after this one, and whether it only counts.
#[derive(Debug)]
struct Gate<C> {
    core: Arc<C>,
    shadow: bool,
}

impl Governor {
    /// The cores as the configuration says, with no call seen.
    pub fn new(name: Name, config: Config, now: Instant) -> Result<Self, Invalid> {
        config.validate()?;
        Self::build(name, config.in_its_mode(), None, now)
    }

    /// The governor of the policy as it is now. What did not change keeps its state, and so does what can take a change
    /// while it runs: quotas and the bounds of a bulkhead. Calls under way stay with the governor that let them in; both
    /// count in the same cores.
    pub fn rebuilt(&self, config: Config, now: Instant) -> Result<Self, Invalid> {
        config.validate()?;
        Self::build(self.name.clone(), config.in_its_mode(), Some(self), now)
    }

    /// The policy's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The policy with its defaults.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What was refused, and what would have been.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The policy's own breaker, of which an operator may set the mode.
    pub fn breaker(&self) -> Option<&Arc<Breaker>> {
        self.breaker.as_ref().map(|gate| &gate.core)
    }

    /// A breaker for one endpoint, as the policy says, to be given to [`Governor::attempt`] in place of the policy's own;
    /// `None` if the policy has none.
    pub fn endpoint_breaker(&self, now: Instant) -> Option<Breaker> {
        let section = self.config.breaker.as_ref()?;
        let breaker: Result<Breaker, Invalid> = Breaker::new(section.config, now);
        Some(breaker.expect("the configuration was validated"))
    }

    /// The shedder, which must be fed with the process's load now and then (by a [`Feeder`](adaptive::cpu::Feeder), for
    /// example); `None` if the policy has none.
    pub fn shedder(&self) -> Option<&Arc<adaptive::Shedder>> {
        self.shed.as_ref().map(|gate| &gate.core)
    }

    /// The configuration of endpoints' breakers.
    pub fn breaker_config(&self) -> Option<&breaker::Config> {
        self.config.breaker.as_ref().map(|section| &section.config)
    }
}

impl<C> Gate<C> {
    fn new(core: C, shadow: bool) -> Self {
        Self {
            core: Arc::new(core),
            shadow,
        }
    }
}

impl fmt::Debug for Governor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governor")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

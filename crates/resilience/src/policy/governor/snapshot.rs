//! A policy as people look at it.

use std::time::Instant;

use super::Governor;
use crate::policy::Counted;
use crate::{adaptive, breaker, bulkhead, hedge, retry, throttle};

/// What each part of a policy knows now; `None` for a part that it does not have.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub shed: Option<adaptive::ShedSnapshot>,
    pub bulkhead: Option<bulkhead::Snapshot>,
    pub concurrency: Option<adaptive::Snapshot>,
    /// Counters that each rate limit keeps, in the order of the policy.
    pub rate_keys: Vec<usize>,
    pub budget: retry::BudgetSnapshot,
    pub hedge: Option<hedge::Snapshot>,
    pub throttle: Option<throttle::Snapshot>,
    pub breaker: Option<breaker::Snapshot>,
    pub counted: Counted,
    beside: u32,
}

impl Governor {
    /// What each part knows now.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        Snapshot {
            shed: self.shed.as_ref().map(|gate| gate.core.snapshot(now)),
            bulkhead: self.bulkhead.as_ref().map(|gate| gate.core.snapshot()),
            concurrency: self.concurrency.as_ref().map(|gate| gate.core.snapshot()),
            rate_keys: self.rates.iter().map(|gate| gate.core.keys()).collect(),
            budget: self.budget.snapshot(now),
            hedge: self.hedge.as_ref().map(|hedge| hedge.snapshot(now)),
            throttle: self.throttle.as_ref().map(|gate| gate.core.snapshot(now)),
            breaker: self.breaker.as_ref().map(|gate| gate.core.snapshot(now)),
            counted: self.counts.get(),
            beside: self.beside.count(),
        }
    }
}

impl Snapshot {
    /// Places that calls hold, in all parts together: 0 when no call is under way.
    pub fn in_flight(&self) -> u64 {
        let parts = [
            self.shed.as_ref().map(|shed| shed.in_flight),
            self.bulkhead.as_ref().map(|bulkhead| bulkhead.in_flight),
            self.concurrency.as_ref().map(|concurrency| concurrency.in_flight),
            self.breaker.as_ref().map(|breaker| breaker.probes_in_flight),
            Some(self.beside),
        ];
        parts.into_iter().flatten().map(u64::from).sum()
    }
}

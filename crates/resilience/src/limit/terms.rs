//! A quota made ready for decisions, and exchanged while they run.

use std::time::Instant;

use super::gcra::UNITS;
use super::{Algorithm, Lease, Quota};
use crate::Invalid;
use crate::invalid::ensure;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::{Origin, nanos};

/// What decisions read. Times in nanoseconds but for `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) algorithm: Algorithm,
    pub(super) requests: u64,
    pub(super) per: u64,
    /// Time for each request, in sixteenths of a nanosecond, rounded up: never more than the rate.
    pub(super) interval: u64,
    pub(super) burst: u64,
    /// Time for the whole burst, in the same units.
    pub(super) tolerance: u64,
    /// 0 but for a leaky bucket.
    pub(super) max_wait: u64,
}

impl Terms {
    pub(super) fn new(quota: &Quota) -> Self {
        let requests = u64::from(quota.requests.get());
        let per = nanos(quota.per);
        let interval = (per * UNITS).div_ceil(requests);
        let burst = u64::from(quota.burst.get());
        Self {
            algorithm: quota.algorithm,
            requests,
            per,
            interval,
            burst,
            tolerance: burst * interval,
            max_wait: match quota.algorithm {
                Algorithm::LeakyBucket => nanos(quota.max_wait),
                _ => 0,
            },
        }
    }

    /// The most that is ever granted at once.
    #[inline]
    pub(super) fn most(&self) -> u64 {
        match self.algorithm.is_bucket() {
            true => self.burst,
            false => self.requests,
        }
    }
}

/// The terms of a limiter as its threads see them.
#[derive(Debug)]
pub(super) struct Shared {
    algorithm: Algorithm,
    own: Slot,
    leased: Slot,
    /// Until when the lease counts; 0 is no lease.
    until: AtomicU64,
}

#[derive(Debug)]
struct Slot {
    requests: AtomicU64,
    per: AtomicU64,
    interval: AtomicU64,
    burst: AtomicU64,
    tolerance: AtomicU64,
    max_wait: AtomicU64,
}

impl Shared {
    pub(super) fn new(quota: Quota) -> Result<Self, Invalid> {
        quota.validate()?;
        let terms = Terms::new(&quota);
        Ok(Self {
            algorithm: quota.algorithm,
            own: Slot::new(&terms),
            leased: Slot::new(&terms),
            until: AtomicU64::new(0),
        })
    }

    /// The same terms for another table.
    pub(super) fn copy(&self) -> Self {
        let slot = |from: &Slot| Slot::new(&from.load(self.algorithm));
        Self {
            algorithm: self.algorithm,
            own: slot(&self.own),
            leased: slot(&self.leased),
            until: AtomicU64::new(self.until.load(Ordering::Relaxed)),
        }
    }

    #[inline(always)]
    pub(super) fn terms(&self, now: u64) -> Terms {
        if now < self.until.load(Ordering::Relaxed) {
            return self.lent();
        }
        self.own.load(self.algorithm)
    }

    /// Out of line, so that a decision need not wait for the choice between two addresses.
    #[cold]
    fn lent(&self) -> Terms {
        self.leased.load(self.algorithm)
    }

    /// Whether the quota can be set.
    pub(super) fn check(&self, quota: &Quota) -> Result<(), Invalid> {
        quota.validate()?;
        let same = quota.algorithm == self.algorithm;
        let allowed = "what the limiter began with: make a new one";
        ensure(same, "rateLimits.algorithm", quota.algorithm, allowed)
    }

    /// Gives the own terms before and after.
    pub(super) fn set(&self, quota: Quota) -> Result<(Terms, Terms), Invalid> {
        self.check(&quota)?;
        let (before, after) = (self.own.load(self.algorithm), Terms::new(&quota));
        self.own.store(&after);
        Ok((before, after))
    }

    pub(super) fn lease(&self, lease: Option<Lease>, origin: Origin, now: Instant) -> Result<(), Invalid> {
        let Some(lease) = lease.filter(|lease| lease.until > now) else {
            self.until.store(0, Ordering::Relaxed);
            return Ok(());
        };
        let quota = self.quota_of(&lease);
        quota.validate()?;
        self.leased.store(&Terms::new(&quota));
        self.until.store(origin.nanos(lease.until), Ordering::Relaxed);
        Ok(())
    }

    /// What a lease comes to beside the own quota.
    pub(super) fn quota_of(&self, lease: &Lease) -> Quota {
        let own = self.own.load(self.algorithm);
        Quota {
            algorithm: self.algorithm,
            requests: lease.requests,
            per: std::time::Duration::from_nanos(own.per),
            burst: lease.burst,
            max_wait: std::time::Duration::from_nanos(own.max_wait),
        }
    }
}

impl Slot {
    fn new(terms: &Terms) -> Self {
        Self {
            requests: AtomicU64::new(terms.requests),
            per: AtomicU64::new(terms.per),
            interval: AtomicU64::new(terms.interval),
            burst: AtomicU64::new(terms.burst),
            tolerance: AtomicU64::new(terms.tolerance),
            max_wait: AtomicU64::new(terms.max_wait),
        }
    }

    fn store(&self, terms: &Terms) {
        self.requests.store(terms.requests, Ordering::Relaxed);
        self.per.store(terms.per, Ordering::Relaxed);
        self.interval.store(terms.interval, Ordering::Relaxed);
        self.burst.store(terms.burst, Ordering::Relaxed);
        self.tolerance.store(terms.tolerance, Ordering::Relaxed);
        self.max_wait.store(terms.max_wait, Ordering::Relaxed);
    }

    #[inline(always)]
    fn load(&self, algorithm: Algorithm) -> Terms {
        Terms {
            algorithm,
            requests: self.requests.load(Ordering::Relaxed),
            per: self.per.load(Ordering::Relaxed),
            interval: self.interval.load(Ordering::Relaxed),
            burst: self.burst.load(Ordering::Relaxed),
            tolerance: self.tolerance.load(Ordering::Relaxed),
            max_wait: self.max_wait.load(Ordering::Relaxed),
        }
    }
}

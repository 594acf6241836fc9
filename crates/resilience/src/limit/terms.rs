//! A quota made ready for decisions, and exchanged while they run.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::gcra::{UNITS, units};
use super::{Algorithm, Lease, Quota};
use crate::Invalid;
use crate::invalid::ensure;
use crate::sync::Mutex;
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

    /// The most that is ever granted at one time, some of it to wait.
    #[inline]
    pub(super) fn most(&self) -> u64 {
        match self.algorithm {
            Algorithm::TokenBucket => self.burst,
            Algorithm::LeakyBucket => (self.tolerance + units(self.max_wait)) / self.interval,
            _ => self.requests,
        }
    }
}

/// What a limiter was told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    pub(super) quota: Quota,
    lease: Option<Lease>,
}

impl Given {
    /// With another quota. The lease that is in force goes on beside it, or ends if it cannot.
    pub(super) fn with_quota(self, quota: Quota, now: Instant) -> Result<Self, Invalid> {
        quota.validate()?;
        let same = quota.algorithm == self.quota.algorithm;
        let allowed = "what the limiter began with: make a new one";
        ensure(same, "rateLimits.algorithm", quota.algorithm, allowed)?;
        let goes_on = |lease: &Lease| lease.until > now && leased(lease, quota).validate().is_ok();
        Ok(Self {
            quota,
            lease: self.lease.filter(goes_on),
        })
    }

    /// With another lease, if it has not ended yet, or without one.
    pub(super) fn with_lease(self, lease: Option<Lease>, now: Instant) -> Result<Self, Invalid> {
        let lease = lease.filter(|lease| lease.until > now);
        if let Some(lease) = &lease {
            leased(lease, self.quota).validate()?;
        }
        Ok(Self { lease, ..self })
    }

    /// Of the quota or the lease, whichever has more.
    pub(super) fn most_requests(&self) -> NonZeroU32 {
        let own = self.quota.requests;
        self.lease.map_or(own, |lease| lease.requests.max(own))
    }
}

/// What a lease comes to beside the own quota.
fn leased(lease: &Lease, own: Quota) -> Quota {
    Quota {
        requests: lease.requests,
        burst: lease.burst,
        ..own
    }
}

/// The terms of a limiter as its threads see them.
#[derive(Debug)]
pub(super) struct Shared {
    algorithm: Algorithm,
    own: Slot,
    leased: Slot,
    /// Until when the lease counts; 0 is no lease. Who sees another sees the terms that were stored before it.
    until: AtomicU64,
    /// Held by who sets anything.
    setting: Mutex<()>,
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
            setting: Mutex::new(()),
        })
    }

    #[inline(always)]
    pub(super) fn terms(&self, now: u64) -> Terms {
        if now < self.until.load(Ordering::Acquire) {
            return self.lent();
        }
        self.own.load(self.algorithm)
    }

    /// Out of line, so that a decision need not wait for the choice between two addresses.
    #[cold]
    fn lent(&self) -> Terms {
        self.leased.load(self.algorithm)
    }

    /// Nobody else sets anything while this is held.
    pub(super) fn setting(&self) -> impl Sized + '_ {
        self.setting.lock()
    }

    /// What it was told last.
    pub(super) fn given(&self, origin: Origin) -> Given {
        let quota = self.own.quota(self.algorithm);
        let until = self.until.load(Ordering::Acquire);
        let lease = (until > 0).then(|| {
            let Quota { requests, burst, .. } = self.leased.quota(self.algorithm);
            let until = origin.instant(until);
            Lease { requests, burst, until }
        });
        Given { quota, lease }
    }

    /// Gives the terms in force before and after.
    pub(super) fn exchange(&self, next: Given, origin: Origin, now: u64) -> (Terms, Terms) {
        let before = self.terms(now);
        self.own.store(&Terms::new(&next.quota));
        if let Some(lease) = &next.lease {
            self.leased.store(&Terms::new(&leased(lease, next.quota)));
        }
        let until = next.lease.map_or(0, |lease| origin.nanos(lease.until));
        self.until.store(until, Ordering::Release);
        (before, self.terms(now))
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

    /// What it was made of.
    fn quota(&self, algorithm: Algorithm) -> Quota {
        let terms = self.load(algorithm);
        let count = |number| {
            u32::try_from(number)
                .ok()
                .and_then(NonZeroU32::new)
                .unwrap_or(NonZeroU32::MIN)
        };
        Quota {
            algorithm,
            requests: count(terms.requests),
            per: Duration::from_nanos(terms.per),
            burst: count(terms.burst),
            max_wait: Duration::from_nanos(terms.max_wait),
        }
    }
}

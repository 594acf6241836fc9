//! A limit for each key, in a table of fixed size.
//!
//! The table is made of sets of eight slots, and a key may lie in any slot of two sets. A slot is two words, the key's
//! fingerprint and its limit's state, so that a check of a known key is a search over two to four cache lines and one
//! compare-and-swap. A key that is not there takes a slot whose state says no more than a fresh one, in the set that has
//! more of them; where there is none, that of the key which has used least of what counts now. So memory is bounded and
//! nothing needs to be swept.
//!
//! New keys come in under one of many locks, chosen by the key, so that none comes in twice; known keys take none.
//!
//! **Bound.** For every key in the table that of the algorithm. A key that was forgotten begins anew, as if unused;
//! [`Keys::evicted`] counts these. It is forgotten only once each of the other 15 slots that it may lie in holds a key that
//! has used as much or more. An attacker who wants that for a key of his own cannot choose where others lie, so that he must
//! use as much of about every slot's key; with a million keys of one request each he neither grows the table nor resets a
//! count above one request's. Where one request is the whole quota he does reset it, and who can make up keys gets a whole
//! quota for each of them anyway: put a limit without keys beside this one.
//!
//! Two keys with the same 64-bit hash share a slot; [`hash`] is keyed with a random seed, so that nobody can choose such
//! keys.

mod table;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arc_swap::ArcSwapOption;

use super::terms::{Given, Shared, Terms};
use super::{Algorithm, Granted, Lease, Limited, Quota, Standing, is_converted, standing_of, would_grant};
use crate::Invalid;
use crate::invalid::ensure;
use crate::time::Origin;

use table::{Table, owner};

const MOST_KEYS: usize = 100_000_000;

/// The hash of a key, for [`Keyed::check`]. The seed is the process's own.
pub fn hash(key: impl Hash) -> u64 {
    static SEED: OnceLock<RandomState> = OnceLock::new();
    SEED.get_or_init(RandomState::new).hash_one(key)
}

/// A limit for each of many keys.
#[derive(Debug)]
pub struct Keyed {
    origin: Origin,
    shared: Shared,
    table: Table,
    /// By owner. Set by who holds what was given.
    overrides: ArcSwapOption<HashMap<u64, Terms>>,
}

/// A table as people look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Slots taken, by keys that are idle too.
    pub len: usize,
    pub capacity: usize,
    /// Keys forgotten before they were idle, since the beginning.
    pub evicted: u64,
    pub memory_bytes: usize,
}

impl Keyed {
    /// Other quotas than the common one, at most.
    pub(crate) const MOST_OVERRIDES: usize = 100_000;

    /// A table of `capacity` slots (rounded up to whole sets of eight), each with this quota. All memory is taken here: 16
    /// bytes a slot. The sliding log is not offered by key.
    ///
    /// Both sets of a key may be full before the table is. Measured with keys that stay in use, the first had to go at 84 %
    /// of 1,000 slots and at 71 % of 1,000,000; of as many keys as nine tenths of the slots 0.7 % had gone, and of as many
    /// as slots 4 %. Twice as many slots as keys in use at a time keep all of them.
    pub fn new(quota: Quota, capacity: NonZeroUsize, now: Instant) -> Result<Self, Invalid> {
        Self::validate(&quota, capacity)?;
        Ok(Self {
            origin: Origin::new(now),
            shared: Shared::new(quota)?,
            table: Table::new(capacity.get()),
            overrides: ArcSwapOption::empty(),
        })
    }

    /// Whether the key, given by its [`hash`], may make one more request.
    #[inline]
    pub fn check(&self, key: u64, now: Instant) -> Result<Granted, Limited> {
        self.check_n(key, 1, now)
    }

    /// Whether it may make `n` more, all or none. None may always be made, and cost nothing.
    #[inline]
    pub fn check_n(&self, key: u64, n: u32, now: Instant) -> Result<Granted, Limited> {
        if n == 0 {
            return Ok(Granted::at_once(self.standing(key, now)));
        }
        let (owner, now) = (owner(key), self.origin.nanos(now));
        let terms = self.terms(owner, now);
        self.table.decide(owner, now, u64::from(n), &terms)
    }

    /// How much the key has left, without using any. A key that is not in the table stays out of it, and has all.
    pub fn standing(&self, key: u64, now: Instant) -> Standing {
        let (owner, now) = (owner(key), self.origin.nanos(now));
        let terms = self.terms(owner, now);
        standing_of(self.table.state(owner), now, &terms)
    }

    /// Whether [`check_n`](Self::check_n) would grant the key so many now, without using any; as
    /// [`standing`](Self::standing), it brings no key in.
    pub fn would_grant(&self, key: u64, n: u32, now: Instant) -> bool {
        let (owner, now) = (owner(key), self.origin.nanos(now));
        would_grant(self.table.state(owner), now, n, &self.terms(owner, now))
    }

    /// Another quota for all keys without one of their own. What is kept of each key, and of a lease, is what
    /// [`super::Limiter`] keeps; the whole table may be walked through for it. The period of windows cannot change while
    /// keys have a quota of their own, because all count by the same windows.
    pub fn set_quota(&self, quota: Quota, now: Instant) -> Result<(), Invalid> {
        let _alone = self.shared.setting();
        if self.overrides.load().is_some() {
            Self::validate_override(&self.shared.given(self.origin).quota, &quota)?;
        }
        let next = self.shared.given(self.origin).with_quota(quota, now)?;
        self.change(next, now);
        Ok(())
    }

    /// Gives a key, by its [`hash`], a quota of its own, of the same algorithm and period, or takes it away: as
    /// [`Keyed::set_overrides`] with this key alone.
    pub fn set_override(&self, key: u64, quota: Option<Quota>) -> Result<(), Invalid> {
        self.set_overrides([(key, quota)])
    }

    /// Gives many keys quotas of their own, or takes them away; the quotas of other keys stay. All are set at once, or
    /// none if one of them is refused. It takes time by how many keys have a quota then, which are at most 100,000. What
    /// the key has used is kept as under another quota for all; but where the old one was so much slower that it would
    /// still block for long, it does so for at most ten seconds.
    pub fn set_overrides(&self, overrides: impl IntoIterator<Item = (u64, Option<Quota>)>) -> Result<(), Invalid> {
        let overrides: Vec<_> = overrides.into_iter().collect();
        let _alone = self.shared.setting();
        let common = self.shared.given(self.origin).quota;
        let mut next = self.overrides.load().as_deref().cloned().unwrap_or_default();
        for (key, quota) in overrides {
            let Some(quota) = quota else {
                next.remove(&owner(key));
                continue;
            };
            Self::validate_override(&common, &quota)?;
            next.insert(owner(key), Terms::new(&quota));
        }
        let few = next.len() <= Self::MOST_OVERRIDES;
        ensure(few, "rateLimits.overrides", next.len(), "at most 100000")?;
        self.overrides.store((!next.is_empty()).then(|| Arc::new(next)));
        Ok(())
    }

    /// A slice of a quota that many share, for every key without a quota of its own; see [`Lease`].
    pub fn set_lease(&self, lease: Option<Lease>, now: Instant) -> Result<(), Invalid> {
        let _alone = self.shared.setting();
        let next = self.shared.given(self.origin).with_lease(lease, now)?;
        self.change(next, now);
        Ok(())
    }

    /// How full the table is. Walks through all of it.
    pub fn keys(&self) -> Keys {
        self.table.keys()
    }

    /// Refuses what [`Keyed::new`] does, by the field's name.
    pub(crate) fn validate(quota: &Quota, capacity: NonZeroUsize) -> Result<(), Invalid> {
        let by_key = quota.algorithm != Algorithm::SlidingLog;
        let allowed = "any other algorithm: a log takes eight bytes for each request of each key";
        ensure(by_key, "rateLimits.algorithm", quota.algorithm, allowed)?;
        let fits = capacity.get() <= MOST_KEYS;
        ensure(fits, "rateLimits.maxKeys", capacity, "1 to 100000000")?;
        quota.validate()
    }

    /// Refuses what [`Keyed::set_overrides`] does beside the quota of all others, by the field's name.
    pub(crate) fn validate_override(common: &Quota, quota: &Quota) -> Result<(), Invalid> {
        quota.validate()?;
        let (same, allowed) = (quota.algorithm == common.algorithm, "that of the limit");
        ensure(same, "rateLimits.overrides.algorithm", quota.algorithm, allowed)?;
        let same = quota.per == common.per || quota.algorithm.is_bucket();
        let allowed = "the limit's own period: all keys of a window count by the same one";
        ensure(same, "rateLimits.overrides.per", quota.per, allowed)
    }

    fn change(&self, next: Given, now: Instant) {
        let now = self.origin.nanos(now);
        let (before, after) = self.shared.exchange(next, self.origin, now);
        if !is_converted(&before, &after) {
            return;
        }
        let overrides = self.overrides.load();
        let has_own = |owner| {
            overrides
                .as_ref()
                .is_some_and(|overrides| overrides.contains_key(&owner))
        };
        self.table.convert(now, &before, &after, |owner| !has_own(owner));
    }

    #[inline]
    fn terms(&self, owner: u64, now: u64) -> Terms {
        let overrides = self.overrides.load();
        let own = overrides.as_ref().and_then(|overrides| overrides.get(&owner));
        own.copied().unwrap_or_else(|| self.shared.terms(now))
    }
}

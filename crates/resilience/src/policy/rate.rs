//! One rate limit of a policy.

use std::sync::Arc;
use std::time::Instant;

use super::RateConfig;
use super::config::OverrideKey;
use crate::Invalid;
use crate::layer::{Key, KeyBy};
use crate::limit::{Granted, Keyed, Limited, Limiter, hash};

/// A limit of all requests, or one for each value of a key.
#[derive(Debug)]
pub(super) enum Rate {
    One(Limiter),
    Keyed { counts: Keyed, by: KeyBy },
}

impl Rate {
    pub(super) fn new(config: &RateConfig, now: Instant) -> Result<Self, Invalid> {
        let Some(by) = config.by()? else {
            return Ok(Rate::One(Limiter::new(config.quota, now)?));
        };
        let counts = Keyed::new(config.quota, config.max_keys, now)?;
        let overrides = config.keys()?;
        counts.set_overrides(overrides.iter().map(|(key, quota)| (hashed(key), Some(*quota))))?;
        Ok(Rate::Keyed { counts, by })
    }

    /// The limit as it is now, with its counts as far as they can be kept. Both configurations are valid and have the same
    /// key.
    pub(super) fn changed(
        self: &Arc<Self>,
        was: &RateConfig,
        config: &RateConfig,
        now: Instant,
    ) -> Result<Arc<Self>, Invalid> {
        if was == config {
            return Ok(self.clone());
        }
        if !takes(was, config) {
            return Ok(Arc::new(Self::new(config, now)?));
        }
        match &**self {
            Rate::One(limiter) => limiter.set_quota(config.quota, now)?,
            Rate::Keyed { counts, .. } => {
                counts.set_quota(config.quota, now)?;
                change_overrides(counts, was, config)?;
            }
        }
        Ok(self.clone())
    }

    /// Lets the request through, or not.
    pub(super) fn check<'k>(&self, key: impl Fn(&KeyBy) -> Option<Key<'k>>, now: Instant) -> Result<Granted, Limited> {
        match self {
            Rate::One(limiter) => limiter.check(now),
            Rate::Keyed { counts, by } => counts.check(hash(key(by)), now),
        }
    }

    /// Whether a request would be let through now.
    pub(super) fn has_room<'k>(&self, key: impl Fn(&KeyBy) -> Option<Key<'k>>, now: Instant) -> bool {
        match self {
            Rate::One(limiter) => limiter.would_grant(1, now),
            Rate::Keyed { counts, by } => counts.would_grant(hash(key(by)), 1, now),
        }
    }

    /// How many counters there are.
    pub(super) fn keys(&self) -> usize {
        match self {
            Rate::One(_) => 1,
            Rate::Keyed { counts, .. } => counts.keys().len,
        }
    }
}

/// Whether a limit can go on as another while it runs: the algorithm and the number of keys cannot change, nor can the
/// period of windows by which several quotas count.
fn takes(was: &RateConfig, config: &RateConfig) -> bool {
    let alone = was.overrides.is_empty() && config.overrides.is_empty();
    let period = was.quota.per == config.quota.per || was.quota.algorithm.is_bucket() || alone;
    was.quota.algorithm == config.quota.algorithm && was.max_keys == config.max_keys && period
}

fn change_overrides(counts: &Keyed, was: &RateConfig, config: &RateConfig) -> Result<(), Invalid> {
    let (was, now) = (was.keys()?, config.keys()?);
    let gone = was.keys().filter(|key| !now.contains_key(key));
    let gone = gone.map(|key| (hashed(key), None));
    counts.set_overrides(gone.chain(now.iter().map(|(key, quota)| (hashed(key), Some(*quota)))))
}

/// As requests with this key are hashed.
fn hashed(key: &OverrideKey) -> u64 {
    hash(Some(key.key()))
}

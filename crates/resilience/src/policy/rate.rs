//! One rate limit of a policy.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderName;
use nines_model::policy::RateKey;

use super::RateConfig;
use crate::Invalid;
use crate::layer::{Key, KeyBy, network};
use crate::limit::{Granted, Keyed, Limited, Limiter, Quota, hash};

/// A limit of all requests, or one for each value of a key.
#[derive(Debug)]
pub(super) enum Rate {
    One(Limiter),
    Keyed { counts: Keyed, by: KeyBy },
}

impl Rate {
    pub(super) fn new(config: &RateConfig, now: Instant) -> Result<Self, Invalid> {
        let Some(by) = key_by(&config.key)? else {
            return Ok(Rate::One(Limiter::new(config.quota, now)?));
        };
        let counts = Keyed::new(config.quota, config.max_keys, now)?;
        for (value, quota) in &config.overrides {
            set_override(&counts, &by, value, Some(*quota))?;
        }
        Ok(Rate::Keyed { counts, by })
    }

    /// The limit as it is now, with its counts as far as they can be kept: algorithm and number of keys cannot change under
    /// way.
    pub(super) fn changed(
        self: &Arc<Self>,
        was: &RateConfig,
        config: &RateConfig,
        now: Instant,
    ) -> Result<Arc<Self>, Invalid> {
        if was == config {
            return Ok(self.clone());
        }
        if was.quota.algorithm != config.quota.algorithm {
            return Ok(Arc::new(Self::new(config, now)?));
        }
        match &**self {
            Rate::One(limiter) => limiter.set_quota(config.quota, now)?,
            Rate::Keyed { counts, by } if was.max_keys == config.max_keys => {
                counts.set_quota(config.quota, now)?;
                change_overrides(counts, by, &was.overrides, &config.overrides)?;
            }
            Rate::Keyed { .. } => return Ok(Arc::new(Self::new(config, now)?)),
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

    /// How many counters there are.
    pub(super) fn keys(&self) -> usize {
        match self {
            Rate::One(_) => 1,
            Rate::Keyed { counts, .. } => counts.keys().len,
        }
    }
}

/// What requests are told apart by; `None` for one count of all. A governor stands for one route, so that the route does
/// not tell its requests apart.
fn key_by(key: &RateKey) -> Result<Option<KeyBy>, Invalid> {
    Ok(match key {
        RateKey::Service | RateKey::Route => None,
        RateKey::ClientIp => Some(KeyBy::Client),
        RateKey::Header(name) => {
            let header = HeaderName::from_bytes(name.as_bytes());
            let header =
                header.map_err(|_bad| Invalid::new("rateLimits.key", name, "header:NAME with a header's name"))?;
            Some(KeyBy::Header(header))
        }
    })
}

fn change_overrides(
    counts: &Keyed,
    by: &KeyBy,
    was: &BTreeMap<String, Quota>,
    now: &BTreeMap<String, Quota>,
) -> Result<(), Invalid> {
    for value in was.keys().filter(|value| !now.contains_key(*value)) {
        set_override(counts, by, value, None)?;
    }
    for (value, quota) in now.iter().filter(|(value, quota)| was.get(*value) != Some(*quota)) {
        set_override(counts, by, value, Some(*quota))?;
    }
    Ok(())
}

/// A client's override names its address as the key does: of an IPv6 address the first 64 bits.
fn set_override(counts: &Keyed, by: &KeyBy, value: &str, quota: Option<Quota>) -> Result<(), Invalid> {
    let key = match by {
        KeyBy::Client => value.parse().ok().map(|address: IpAddr| Key::Address(network(address))),
        KeyBy::Header(_) => Some(Key::Bytes(value.as_bytes())),
    };
    counts.set_override(hash(key), quota)
}

//! Rate limits.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use nines_model::Policy;
use nines_model::policy::{RateAlgorithm, RateKey, RateLimit};
use nines_model::validate::Rate;

use super::{Section, enabled};
use crate::Invalid;
use crate::limit::{Algorithm, Quota};

/// Keys that are kept, where the policy does not say.
pub(super) const MAX_KEYS: NonZeroUsize = NonZeroUsize::new(100_000).expect("it is not 0");

/// How many requests in a time, for each value of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct RateConfig {
    pub quota: Quota,
    pub key: RateKey,
    /// Counters that are kept at a time.
    pub max_keys: NonZeroUsize,
    /// Other quotas for single values of the key.
    pub overrides: BTreeMap<String, Quota>,
}

impl RateConfig {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let quotas = std::iter::once(&self.quota).chain(self.overrides.values());
        quotas.into_iter().try_for_each(Quota::validate)?;
        let addresses = self.overrides.keys().filter(|_| self.key == RateKey::ClientIp);
        let not_one = |key: &&String| key.parse::<IpAddr>().is_err();
        addresses.filter(not_one).try_for_each(|key| {
            let allowed = "a client's address, such as 192.0.2.7 or 2001:db8::1";
            Err(Invalid::new("rateLimits.overrides", key, allowed))
        })
    }
}

pub(super) fn sections(policy: &Policy) -> Result<Vec<Section<RateConfig>>, Invalid> {
    let sections = policy.rate_limits.iter().map(|limit| {
        let config = config(limit)?;
        Ok(enabled(policy.mode.and(limit.mode), config))
    });
    sections.filter_map(Result::transpose).collect()
}

fn config(limit: &RateLimit) -> Result<RateConfig, Invalid> {
    let key = limit.key.parse().map_err(|_bad: String| {
        Invalid::new("rateLimits.key", &limit.key, "clientIp, service, route or header:NAME")
    })?;
    let overrides = limit.overrides.iter();
    let overrides = overrides.map(|(key, other)| Ok((key.clone(), quota(limit, &other.rate, other.burst)?)));
    let max_keys = limit.max_keys.map(|most| {
        NonZeroUsize::new(most as usize).ok_or_else(|| Invalid::new("rateLimits.maxKeys", most, "at least 1"))
    });
    Ok(RateConfig {
        quota: quota(limit, &limit.rate, limit.burst)?,
        key,
        max_keys: max_keys.transpose()?.unwrap_or(MAX_KEYS),
        overrides: overrides.collect::<Result<_, Invalid>>()?,
    })
}

fn quota(limit: &RateLimit, rate: &str, burst: Option<u32>) -> Result<Quota, Invalid> {
    let rate: Rate = rate
        .parse()
        .map_err(|_bad| Invalid::new("rateLimits.rate", rate, "a rate such as 100/s, 6000/m or 500/h"))?;
    let quota = Quota {
        algorithm: algorithm(limit.algorithm),
        requests: rate.count,
        per: rate.per,
        burst: burst_of(limit.algorithm, rate, burst)?,
        max_wait: limit.max_wait.unwrap_or(Duration::ZERO),
    };
    Ok(quota)
}

fn burst_of(algorithm: RateAlgorithm, rate: Rate, burst: Option<u32>) -> Result<NonZeroU32, Invalid> {
    if burst == Some(0) {
        return Err(Invalid::new("rateLimits.burst", 0, "at least 1"));
    }
    if algorithm.has_burst() {
        return Ok(RateLimit::burst_of(burst, rate));
    }
    Ok(rate.count)
}

fn algorithm(algorithm: RateAlgorithm) -> Algorithm {
    match algorithm {
        RateAlgorithm::TokenBucket => Algorithm::TokenBucket,
        RateAlgorithm::LeakyBucket => Algorithm::LeakyBucket,
        RateAlgorithm::FixedWindow => Algorithm::FixedWindow,
        RateAlgorithm::SlidingWindow => Algorithm::SlidingWindow,
        RateAlgorithm::SlidingLog => Algorithm::SlidingLog,
    }
}

//! Rate limits.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use http::HeaderName;
use nines_model::Policy;
use nines_model::policy::{RateAlgorithm, RateKey, RateLimit};
use nines_model::validate::Rate;

use super::{Section, enabled};
use crate::Invalid;
use crate::invalid::ensure;
use crate::layer::{Key, KeyBy};
use crate::limit::{Algorithm, Keyed, Quota};

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
    /// Refuses what cannot work, by the field's name. What is accepted can be put into force, also in place of another.
    pub fn validate(&self) -> Result<(), Invalid> {
        match self.by()? {
            None => self.quota.validate()?,
            Some(_) => Keyed::validate(&self.quota, self.max_keys)?,
        }
        self.validate_overrides()
    }

    fn validate_overrides(&self) -> Result<(), Invalid> {
        let count = self.overrides.len();
        let field = "rateLimits.overrides";
        let allowed = "none, as the key has one limit for all: overrides need clientIp or header:NAME";
        ensure(count == 0 || self.key.is_keyed(), field, count, allowed)?;
        ensure(count <= Keyed::MOST_OVERRIDES, field, count, "at most 100000")?;
        for quota in self.overrides.values() {
            Keyed::validate_override(&self.quota, quota)?;
        }
        self.keys().map(|_| ())
    }

    /// What requests are told apart by; `None` for one count of all. A policy stands on one route at a time, so that the
    /// route does not tell its requests apart.
    pub(in crate::policy) fn by(&self) -> Result<Option<KeyBy>, Invalid> {
        match &self.key {
            RateKey::Service | RateKey::Route => Ok(None),
            RateKey::ClientIp => Ok(Some(KeyBy::Client)),
            RateKey::Header(name) => {
                let header = HeaderName::from_bytes(name.as_bytes());
                let allowed = "header:NAME with a header's name";
                let header = header.map_err(|_bad| Invalid::new("rateLimits.key", name, allowed))?;
                Ok(Some(KeyBy::Header(header)))
            }
        }
    }

    /// The quotas of single keys, by what requests are counted by: of a client's IPv6 address the first 64 bits, so that
    /// two addresses may be one client's.
    pub(in crate::policy) fn keys(&self) -> Result<BTreeMap<OverrideKey, Quota>, Invalid> {
        let mut keys = BTreeMap::new();
        for (value, quota) in &self.overrides {
            let key = self.key_of(value)?;
            let allowed = "one for each client: two addresses with the same first 64 bits are one client's";
            ensure(
                keys.insert(key, *quota).is_none(),
                "rateLimits.overrides",
                value,
                allowed,
            )?;
        }
        Ok(keys)
    }

    fn key_of(&self, value: &str) -> Result<OverrideKey, Invalid> {
        if self.key != RateKey::ClientIp {
            return Ok(OverrideKey::Value(value.to_owned()));
        }
        let allowed = "a client's address, such as 192.0.2.7 or 2001:db8::1";
        let address = value.parse();
        let address = address.map_err(|_bad| Invalid::new("rateLimits.overrides", value, allowed))?;
        Ok(OverrideKey::Network(RateKey::client(address)))
    }
}

/// What an override is for, as requests are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) enum OverrideKey {
    Network(IpAddr),
    Value(String),
}

impl OverrideKey {
    pub(in crate::policy) fn key(&self) -> Key<'_> {
        match self {
            OverrideKey::Network(address) => Key::Address(*address),
            OverrideKey::Value(value) => Key::Bytes(value.as_bytes()),
        }
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

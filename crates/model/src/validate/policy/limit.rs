//! Rate limits.

use std::net::IpAddr;

use super::{HOUR, MILLISECOND};
use crate::policy::{RateAlgorithm, RateKey, RateLimit, RateOverride};
use crate::problem::quote;
use crate::tree::path;
use crate::validate::{Rate, Report, text};

/// Each is a check of every request.
pub(super) const MAX_LIMITS: usize = 16;

/// The most requests whose times a sliding log remembers.
const MAX_LOG: u32 = 100_000;
/// The most requests in a period of a window.
const MAX_COUNTED: u32 = 1_000_000;
/// The highest rate of a bucket.
const MAX_PER_SECOND: u64 = 1_000_000_000;

/// A bucket is full again within a year.
const YEAR: u64 = 365 * 24 * 3600;

const MAX_OVERRIDES: usize = 1000;
const MAX_KEYS: u32 = 10_000_000;

pub(super) fn validate(report: &mut Report, at: &str, limit: &RateLimit) {
    validate_rate(report, at, limit.algorithm, &limit.rate, limit.burst);
    if let Some(wait) = limit.max_wait {
        report.duration(format!("{at}.maxWait"), wait, MILLISECOND..=HOUR);
        let waits = limit.algorithm == RateAlgorithm::LeakyBucket;
        report.ensure(waits, format!("{at}.maxWait"), || {
            format!("{} never waits, only leakyBucket does", limit.algorithm.as_str())
        });
    }
    match limit.key.parse::<RateKey>() {
        Ok(key) => validate_keys(report, at, limit, &key),
        Err(error) => report.add(format!("{at}.key"), error),
    }
}

fn validate_rate(report: &mut Report, at: &str, algorithm: RateAlgorithm, rate: &str, burst: Option<u32>) {
    let rate = rate.parse::<Rate>();
    if let Ok(rate) = rate {
        validate_most(report, format!("{at}.rate"), algorithm, rate);
        let in_a_year = u64::from(rate.count.get()) * YEAR / rate.per.as_secs().max(1);
        report.ensure(
            u64::from(burst.unwrap_or(0)) <= in_a_year,
            format!("{at}.burst"),
            || "it is more than comes in a year: lower it, or raise the rate".into(),
        );
    }
    report.take(format!("{at}.rate"), rate.map(|_| ()));
    let Some(burst) = burst else { return };
    report.range(format!("{at}.burst"), burst, 1..=RateLimit::MAX_BURST);
    report.ensure(algorithm.has_burst(), format!("{at}.burst"), || {
        format!("{} has no burst, remove it or use tokenBucket", algorithm.as_str())
    });
}

fn validate_most(report: &mut Report, at: String, algorithm: RateAlgorithm, rate: Rate) {
    let count = rate.count.get();
    match algorithm {
        RateAlgorithm::SlidingLog => report.ensure(count <= MAX_LOG, at, || {
            format!("a slidingLog remembers at most {MAX_LOG} requests, not {count}: use slidingWindow")
        }),
        RateAlgorithm::FixedWindow | RateAlgorithm::SlidingWindow => report.ensure(count <= MAX_COUNTED, at, || {
            format!("a window counts at most {MAX_COUNTED} requests, not {count}: use tokenBucket, or a shorter period")
        }),
        RateAlgorithm::TokenBucket | RateAlgorithm::LeakyBucket => {
            let a_second = u64::from(count) / rate.per.as_secs().max(1);
            report.ensure(a_second <= MAX_PER_SECOND, at, || {
                format!("{a_second} requests a second are too many, the most are {MAX_PER_SECOND}")
            });
        }
    }
}

fn validate_keys(report: &mut Report, at: &str, limit: &RateLimit, key: &RateKey) {
    let log = key.is_keyed() && limit.algorithm == RateAlgorithm::SlidingLog;
    report.ensure(!log, format!("{at}.algorithm"), || {
        "a slidingLog for each key would take eight bytes for each request of each: use slidingWindow".into()
    });
    let one = |what: &str| {
        format!(
            "the key `{}` has one limit for all, {what} need clientIp or header:NAME",
            limit.key
        )
    };
    if let Some(most) = limit.max_keys {
        report.range(format!("{at}.maxKeys"), most, 1..=MAX_KEYS);
        report.ensure(key.is_keyed(), format!("{at}.maxKeys"), || one("maxKeys"));
    }
    if limit.overrides.is_empty() {
        return;
    }
    let overrides = format!("{at}.overrides");
    report.ensure(key.is_keyed(), &*overrides, || one("overrides"));
    report.ensure(limit.overrides.len() <= MAX_OVERRIDES, &*overrides, || {
        let count = limit.overrides.len();
        format!("{count} overrides are too many, the most are {MAX_OVERRIDES}")
    });
    for (value, other) in &limit.overrides {
        validate_override(report, &path::join(&overrides, value), limit, key, (value, other));
    }
    if *key == RateKey::ClientIp {
        let addresses = limit.overrides.keys().filter_map(|value| {
            let client = RateKey::client(value.parse().ok()?);
            let shown = if client.is_ipv6() { "/64" } else { "" };
            Some((
                path::join(&overrides, value),
                client,
                format!("the client {client}{shown}"),
            ))
        });
        report.unique(addresses);
    }
}

fn validate_override(
    report: &mut Report,
    at: &str,
    limit: &RateLimit,
    key: &RateKey,
    (value, other): (&str, &RateOverride),
) {
    validate_rate(report, at, limit.algorithm, &other.rate, other.burst);
    if let (Ok(all), Ok(own)) = (limit.rate.parse::<Rate>(), other.rate.parse::<Rate>()) {
        let same = all.per == own.per || limit.algorithm.has_burst();
        report.ensure(same, format!("{at}.rate"), || {
            let algorithm = limit.algorithm.as_str();
            format!(
                "a {algorithm} counts all keys by the same period, that of its rate `{}`",
                limit.rate
            )
        });
    }
    match key {
        RateKey::ClientIp => report.ensure(value.parse::<IpAddr>().is_ok(), at, || {
            format!("{} is not an IP address, as the key is clientIp", quote(value))
        }),
        RateKey::Header(_) => report.take(at, text::header_value(value)),
        RateKey::Service | RateKey::Route => {}
    }
}

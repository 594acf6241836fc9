//! A second try beside a slow first one.
//!
//! "The Tail at Scale" (Dean and Barroso, CACM 2013): send the request again once the first has been outstanding for
//! longer than most take. [`Hedge`] knows how long most take: a quantile of the latencies of the last minute, from a
//! histogram that is late by at most 1/16 or 1 microsecond, and never early. [`Race`] decides for one call when
//! another attempt may go: only an idempotent one, only within the deadline, and only if the budget that retries and
//! hedges share pays for it. What is suppressed is always the extra attempt and never the first one.

mod histogram;
mod race;

use std::time::{Duration, Instant};

use crate::Invalid;
use crate::invalid::ensure;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::{Origin, nanos};
use histogram::Histogram;

pub use race::{Fire, Race, Suppressed};

const MOST_HEDGES: u32 = 5;
const LONGEST: Duration = Duration::from_secs(60);
/// The quantile is computed again so often in a window, by one caller.
const REFRESHES: u64 = 64;
/// The delay while there are too few samples.
const UNKNOWN: u64 = u64::MAX;

/// When to hedge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// The share of calls that are done before the hedge goes out, over 0 and under 1. Default 0.95 (Dean and Barroso:
    /// it limits the added load to about 5 %).
    pub quantile: f64,
    /// Calls in the window below which nothing is hedged, 1 to 1 000 000. Default 100.
    pub min_samples: u32,
    /// The least delay, over 0. Default 1 ms: below it the hedge costs more than it saves.
    pub min_delay: Duration,
    /// The longest delay, at most 1 min. Default 2 s (Polly's hedging delay).
    pub max_delay: Duration,
    /// Hedges of one call, 1 to 5. Default 1 (Polly's).
    pub max_hedges: u32,
    /// How long a latency counts, 1 s to 10 min: at least half of this, at most this. Default 1 min.
    pub window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            quantile: 0.95,
            min_samples: 100,
            min_delay: Duration::from_millis(1),
            max_delay: Duration::from_secs(2),
            max_hedges: 1,
            window: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let quantile = self.quantile > 0.0 && self.quantile < 1.0;
        ensure(quantile, "hedge.quantile", self.quantile, "over 0 and under 1")?;
        let samples = (1..=1_000_000).contains(&self.min_samples);
        ensure(samples, "hedge.minSamples", self.min_samples, "1 to 1000000")?;
        let (least, most) = (self.min_delay, self.max_delay);
        ensure(
            !least.is_zero() && least <= LONGEST,
            "hedge.minDelay",
            least,
            "over 0 and at most 1m",
        )?;
        ensure(
            most >= least && most <= LONGEST,
            "hedge.maxDelay",
            most,
            "at least hedge.minDelay and at most 1m",
        )?;
        let hedges = (1..=MOST_HEDGES).contains(&self.max_hedges);
        ensure(hedges, "hedge.maxHedges", self.max_hedges, "1 to 5")?;
        let window = (Duration::from_secs(1)..=Duration::from_secs(600)).contains(&self.window);
        ensure(window, "hedge.window", self.window, "1s to 10m")
    }
}

/// How long the calls under one policy take, and so when a hedge is due. It holds 4.4 KiB per processor, at most 71 KiB.
#[derive(Debug)]
pub struct Hedge {
    config: Config,
    origin: Origin,
    histogram: Histogram,
    refresh_nanos: u64,
    /// When the quantile is computed next.
    refresh_at: AtomicU64,
    /// The delay in nanoseconds, or [`UNKNOWN`].
    delay: AtomicU64,
}

/// A hedge as people look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// When the first hedge of a call that begins now would go out.
    pub delay: Option<Duration>,
    /// Latencies that count.
    pub samples: u64,
}

impl Hedge {
    /// Knows no latency yet, so nothing is hedged.
    pub fn new(config: Config, now: Instant) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self {
            config,
            origin: Origin::new(now),
            histogram: Histogram::new(nanos(config.window) / 2),
            refresh_nanos: nanos(config.window) / REFRESHES,
            refresh_at: AtomicU64::new(0),
            delay: AtomicU64::new(UNKNOWN),
        })
    }

    /// How the hedge was configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How long the attempt before is outstanding when a hedge is due; `None` while too few latencies are known. It is
    /// computed by one caller in 1/64 of the window, the others read it.
    pub fn delay(&self, now: Instant) -> Option<Duration> {
        let now = self.origin.nanos(now);
        let due = self.refresh_at.load(Ordering::Relaxed);
        if now >= due && self.claim(due, now) {
            self.delay.store(self.compute(now), Ordering::Relaxed);
        }
        match self.delay.load(Ordering::Relaxed) {
            UNKNOWN => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Notes how long a first attempt took. Of one that was dropped because its hedge won, note the time that it had run:
    /// it is above the quantile as it truly was, while leaving it out would draw the quantile down and hedge ever more.
    /// Of hedges note nothing.
    pub fn record(&self, latency: Duration, now: Instant) {
        self.histogram.record(nanos(latency), self.origin.nanos(now));
    }

    /// What is known now.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        Snapshot {
            delay: self.delay(now),
            samples: self.histogram.merged(self.origin.nanos(now)).samples(),
        }
    }

    fn claim(&self, due: u64, now: u64) -> bool {
        let next = now + self.refresh_nanos;
        self.refresh_at
            .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    fn compute(&self, now: u64) -> u64 {
        let merged = self.histogram.merged(now);
        if merged.samples() < u64::from(self.config.min_samples) {
            return UNKNOWN;
        }
        let (least, most) = (nanos(self.config.min_delay), nanos(self.config.max_delay));
        merged.quantile(self.config.quantile).clamp(least, most)
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

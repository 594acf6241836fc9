//! When a breaker opens, and for how long.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{Counts, evidence};
use crate::invalid::ensure;
use crate::{Evidence, Invalid, Measure};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Over which calls rates are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so many calls, at most 100,000. Every call writes to shared cache lines, so a breaker that many threads
    /// share is slower with it.
    Calls(NonZeroU32),
    /// The calls of this time, 100 ms to 1 h, in ten buckets: of the oldest tenth only what is left of it.
    Time(Duration),
}

/// Calls that take too long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowCalls {
    /// A call that takes longer is slow.
    pub slower_than: Duration,
    /// Slow calls per call that open the breaker, in `(0, 1]`.
    pub rate: f64,
}

/// When a breaker opens, and for how long. Any one threshold opens it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Over which calls rates are computed; 10 s by default.
    pub window: Window,
    /// No rate counts with fewer calls in the window; 20 by default (Hystrix's `requestVolumeThreshold`).
    pub min_calls: u32,
    /// Failures per call that open it, in `(0, 1]`; 0.5 by default (Hystrix, resilience4j), `None` does not look.
    pub failure_rate: Option<f64>,
    /// Slow calls that open it; `None` by default.
    pub slow_calls: Option<SlowCalls>,
    /// Failures in a row that open it, whatever the minimum of calls; `None` by default.
    pub consecutive_failures: Option<u32>,
    /// How long it stays open the first time; 5 s by default (Hystrix's sleep window, Polly). Each repeat doubles it.
    pub open_for: Duration,
    /// It stays open no longer; 60 s by default.
    pub max_open_for: Duration,
    /// The open time is shortened by a random part of at most this share, in `[0, 1)`, so that many callers do not probe
    /// at once; 0.2 by default.
    pub jitter: f64,
    /// Probes that must succeed to close it, at most so many at a time; 3 by default.
    pub half_open_calls: u32,
    /// Closed for so long, the next opening is a first one; 60 s by default.
    pub healthy_after: Duration,
    /// Whether a callee that answers with Retry-After opens it at once, for that long (at most `max_open_for`, and without
    /// doubling; 0 is no pause); false by default. Where it is false the pause that was asked for still lengthens the open time when a threshold opens it.
    pub open_on_retry_after: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: Window::Time(Duration::from_secs(10)),
            min_calls: 20,
            failure_rate: Some(0.5),
            slow_calls: None,
            consecutive_failures: None,
            open_for: Duration::from_secs(5),
            max_open_for: Duration::from_secs(60),
            jitter: 0.2,
            half_open_calls: 3,
            healthy_after: Duration::from_secs(60),
            open_on_retry_after: false,
        }
    }
}

impl Config {
    /// Refuses what cannot work or can never open, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        self.validate_window()?;
        self.validate_thresholds()?;
        let open_for = (Duration::from_millis(1)..=DAY).contains(&self.open_for);
        ensure(open_for, "breaker.openFor", self.open_for, "1ms to 24h")?;
        let max_open_for = (self.open_for..=DAY).contains(&self.max_open_for);
        ensure(
            max_open_for,
            "breaker.maxOpenFor",
            self.max_open_for,
            "breaker.openFor to 24h",
        )?;
        let jitter = (0.0..1.0).contains(&self.jitter);
        ensure(jitter, "breaker.jitter", self.jitter, "0 or more and under 1")?;
        let probes = (1..=1000).contains(&self.half_open_calls);
        ensure(probes, "breaker.halfOpenCalls", self.half_open_calls, "1 to 1000")?;
        ensure(
            self.healthy_after <= DAY,
            "breaker.healthyAfter",
            self.healthy_after,
            "at most 24h",
        )
    }

    fn validate_window(&self) -> Result<(), Invalid> {
        let calls = self.min_calls;
        match self.window {
            Window::Calls(size) => {
                ensure(size.get() <= 100_000, "breaker.windowCalls", size, "1 to 100000")?;
                let allowed = "1 to breaker.windowCalls: more calls are never in the window";
                ensure((1..=size.get()).contains(&calls), "breaker.minCalls", calls, allowed)
            }
            Window::Time(time) => {
                let good = (Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&time);
                ensure(good, "breaker.window", time, "100ms to 1h")?;
                let good = (1..=1_000_000).contains(&calls);
                ensure(good, "breaker.minCalls", calls, "1 to 1000000")
            }
        }
    }

    fn validate_thresholds(&self) -> Result<(), Invalid> {
        let share = |rate: f64| rate > 0.0 && rate <= 1.0;
        if let Some(rate) = self.failure_rate {
            ensure(share(rate), "breaker.failureRate", rate, "over 0 and at most 1")?;
        }
        if let Some(slow) = self.slow_calls {
            ensure(
                share(slow.rate),
                "breaker.slowCalls.rate",
                slow.rate,
                "over 0 and at most 1",
            )?;
            let good = !slow.slower_than.is_zero() && slow.slower_than <= DAY;
            let allowed = "over 0 and at most 24h";
            ensure(good, "breaker.slowCalls.slowerThan", slow.slower_than, allowed)?;
        }
        if let Some(count) = self.consecutive_failures {
            let good = (1..=1_000_000).contains(&count);
            ensure(good, "breaker.consecutiveFailures", count, "1 to 1000000")?;
        }
        let any = self.failure_rate.is_some() || self.slow_calls.is_some() || self.consecutive_failures.is_some();
        let allowed = "one of failureRate, slowCalls, consecutiveFailures: without any it never opens";
        ensure(any || self.open_on_retry_after, "breaker", "without threshold", allowed)
    }

    /// So long without a word from its probes, they are taken for lost: far longer than any call, since the half-open breaker
    /// would forget those that are under way and let others through.
    pub(super) fn lost_after(&self) -> Duration {
        (self.max_open_for * 10).max(Duration::from_secs(600))
    }

    /// Whether failures open it. Then one failed probe does.
    pub(super) fn minds_failures(&self) -> bool {
        self.failure_rate.is_some() || self.consecutive_failures.is_some()
    }

    /// What the rate of a failed probe, 1, is compared with.
    pub(super) fn probe_failure_rate(&self) -> f64 {
        self.failure_rate.unwrap_or(1.0)
    }

    /// The rate that is at or over its threshold, whatever the minimum of calls.
    pub(super) fn over(&self, counts: &Counts) -> Option<Evidence> {
        let reached = |measure, count: u64, bound: f64| {
            let rate = count as f64 / counts.calls.max(1) as f64;
            (count > 0 && rate >= bound).then(|| evidence(measure, rate, bound, counts.calls))
        };
        let failures = |bound| reached(Measure::FailureRate, counts.failures, bound);
        let slow = |slow: SlowCalls| reached(Measure::SlowCallRate, counts.slow, slow.rate);
        self.failure_rate
            .and_then(failures)
            .or_else(|| self.slow_calls.and_then(slow))
    }
}

//! Client-side adaptive throttling: ask a callee in proportion to what it accepts.
//!
//! Of the `n` requests of the last time, `ok` were accepted. The next one is refused with probability
//! `max(0, (n - k * ok) / (n + 1))` (Google SRE book, chapter "Handling Overload"). A request that is refused here counts
//! into `n`, so that the probability grows while callers insist, and settles where the callee is offered `k` times what
//! it accepts. There are no states: a callee that accepts more is asked more at once.
//!
//! While every request is accepted a check is one load. One request a second goes through whatever the probability, so
//! that a callee which came back is noticed.
//!
//! The way back is exponential: each accepted request makes room for `k` more, so that from a dead callee to all of its
//! traffic it takes about three windows. With the book's window of two minutes that is a quarter of an hour at moderate
//! traffic (reported as go-zero#4101); the default here is 10 s.
//!
//! **Bound.** In the long run a callee that accepts `a` requests a second is offered at most `k * a` and one more.

use std::time::{Duration, Instant};

use nines_model::Cause;

use crate::invalid::ensure;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::{Origin, nanos};
use crate::window::{Counts, Time};
use crate::{Evidence, Invalid, Measure, Outcome, Refused};

/// How strict a throttle is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Requests sent per accepted one before any is refused, over 1 and at most 100. Lower refuses earlier, higher finds
    /// out sooner that the callee accepts more. 2 by default (SRE book).
    pub k: f64,
    /// The requests of this time count, 100 ms to 1 h; 10 s by default (go-zero).
    pub window: Duration,
    /// None is refused with fewer requests in the window; 10 by default.
    pub min_calls: u32,
    /// One goes through after so long without any, 10 ms to 1 min; 1 s by default (go-zero's `forcePassDuration`).
    pub forced_pass: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            k: 2.0,
            window: Duration::from_secs(10),
            min_calls: 10,
            forced_pass: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let k = self.k > 1.0 && self.k <= 100.0;
        ensure(k, "throttle.k", self.k, "over 1 and at most 100")?;
        let window = (Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&self.window);
        ensure(window, "throttle.window", self.window, "100ms to 1h")?;
        let calls = (1..=1_000_000).contains(&self.min_calls);
        ensure(calls, "throttle.minCalls", self.min_calls, "1 to 1000000")?;
        let pass = (Duration::from_millis(10)..=Duration::from_secs(60)).contains(&self.forced_pass);
        ensure(pass, "throttle.forcedPass", self.forced_pass, "10ms to 1m")
    }
}

/// The throttle of one callee.
#[derive(Debug)]
pub struct Throttle {
    config: Config,
    origin: Origin,
    window: Time,
    /// The bits of the probability as last computed. It rises only with a request that is not accepted, and these
    /// compute it anew.
    probability: AtomicU64,
    /// When one went through last although the probability was over 0.
    passed: AtomicU64,
}

/// A throttle as people look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot {
    /// Requests in the window, with those refused here.
    pub requests: u64,
    /// Of these, accepted by the callee.
    pub accepts: u64,
    /// The probability with which the next one is refused.
    pub probability: f64,
}

impl Throttle {
    /// A throttle that has seen no request.
    pub fn new(config: Config, now: Instant) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self {
            origin: Origin::new(now),
            window: Time::new(config.window),
            probability: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            config,
        })
    }

    /// Whether a request may be sent; `draw` is random, in `[0, 1)`. What became of one that was sent comes back by
    /// [`Throttle::record`]; one that came to nothing needs no word.
    pub fn check(&self, now: Instant, draw: f64) -> Result<(), Refused> {
        if self.probability.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let now = self.origin.nanos(now);
        let counts = self.window.sum(0, now);
        let probability = self.renew(&counts);
        if draw >= probability {
            if probability > 0.0 {
                self.passed.fetch_max(now, Ordering::Relaxed);
            }
            return Ok(());
        }
        let Err(after) = self.force(now) else { return Ok(()) };
        self.window.add(0, now, true, false);
        Err(refused(&counts, self.config.k, after))
    }

    /// Takes in what a request came to.
    pub fn record(&self, outcome: Outcome, now: Instant) {
        let now = self.origin.nanos(now);
        match outcome {
            Outcome::Ignored => {}
            Outcome::Success => self.window.add(0, now, false, false),
            Outcome::Failure | Outcome::Throttled => {
                self.window.add(0, now, true, false);
                self.renew(&self.window.sum(0, now));
            }
        }
    }

    /// The numbers, for people.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let counts = self.window.sum(0, self.origin.nanos(now));
        Snapshot {
            requests: counts.calls,
            accepts: accepts(&counts),
            probability: self.compute(&counts),
        }
    }

    fn renew(&self, counts: &Counts) -> f64 {
        let probability = self.compute(counts);
        let bits = probability.to_bits();
        if self.probability.load(Ordering::Relaxed) != bits {
            self.probability.store(bits, Ordering::Relaxed);
        }
        probability
    }

    fn compute(&self, counts: &Counts) -> f64 {
        if counts.calls < u64::from(self.config.min_calls) {
            return 0.0;
        }
        let (n, ok) = (counts.calls as f64, accepts(counts) as f64);
        ((n - self.config.k * ok) / (n + 1.0)).max(0.0)
    }

    /// Lets one through if none went for long enough; else tells when one would.
    fn force(&self, now: u64) -> Result<(), Duration> {
        let pause = nanos(self.config.forced_pass);
        let passed = self.passed.load(Ordering::Relaxed);
        let since = now.saturating_sub(passed);
        if since < pause {
            return Err(Duration::from_nanos(pause - since));
        }
        let won = self
            .passed
            .compare_exchange(passed, now, Ordering::Relaxed, Ordering::Relaxed);
        won.map(|_| ()).map_err(|_| self.config.forced_pass)
    }
}

fn accepts(counts: &Counts) -> u64 {
    counts.calls.saturating_sub(counts.failures)
}

fn refused(counts: &Counts, k: f64, after: Duration) -> Refused {
    let value = counts.calls as f64 / accepts(counts).max(1) as f64;
    Refused {
        cause: Cause::Overloaded,
        evidence: Evidence {
            measure: Measure::RequestsPerAccept,
            value,
            bound: k,
            calls: counts.calls,
        },
        retry_after: Some(after),
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

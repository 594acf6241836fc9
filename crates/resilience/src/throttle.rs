//! Asks a callee less, the more of what is asked it does not accept (Google SRE book, "Handling Overload", client-side
//! throttling).
//!
//! Over a window, `n` counts the requests that were answered or refused here, `ok` those that the callee accepted. A call
//! is refused with the probability
//!
//! ```text
//! max(0, (n - k * ok) / (n + 1)) * (1 - calm)
//! ```
//!
//! so that a callee which takes everything is never throttled, and one that takes half of the load is asked `k` times what
//! it takes. `calm` is the share of a window since the callee last failed or asked for less. It is zero as long as there
//! is trouble; afterwards it ends the throttling within one window, where the bare formula, which goes on counting its own
//! refusals, needs longer the more load there is (go-zero#4101: a quarter of an hour).
//!
//! A request counts when its result is known, so that calls under way speak neither for nor against the callee, and calls
//! that were cancelled are not counted at all. With fewer than `min_calls` in the window nothing is refused, and of the
//! calls that would be refused one in `forced_pass_every` passes.
//!
//! The probability is computed by checks, not by records: a record is one compare-and-swap on a cache line of the thread's
//! stripe, a check of a healthy callee two loads. **Bound.** It is that of all results so far while the window holds fewer
//! than 1000 calls, and of at most a thousandth of the window ago (not over 10 ms) from there on; a check that meets
//! another thread computing it goes by the one before.

use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use nines_model::Cause;

use crate::buckets::{Buckets, Counts};
use crate::invalid::ensure;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::{Origin, nanos};
use crate::{Evidence, Invalid, Measure, Outcome, Refused};

/// Below so many calls each one moves the probability enough to be seen at once.
const FEW: u64 = 1000;
const MOST_AGE: Duration = Duration::from_millis(10);
/// Computed at no time: the next check computes.
const NEVER: u64 = u64::MAX;

/// How much is refused, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Requests per accepted one before any is refused, over 1 and at most 100; 2 by default (SRE book). Lower refuses
    /// earlier, and lets less through to see that the callee is well again.
    pub k: f64,
    /// The calls of this time count, 1 s to 10 min, in ten buckets; 2 min by default (SRE book).
    pub window: Duration,
    /// Nothing is refused with fewer calls in the window; 10 by default.
    pub min_calls: u32,
    /// One call in this time passes that would be refused, 1 ms to 1 min; 1 s by default (go-zero).
    pub forced_pass_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            k: 2.0,
            window: Duration::from_secs(120),
            min_calls: 10,
            forced_pass_every: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let k = self.k > 1.0 && self.k <= 100.0;
        ensure(k, "throttle.k", self.k, "over 1 and at most 100")?;
        let window = (Duration::from_secs(1)..=Duration::from_secs(600)).contains(&self.window);
        ensure(window, "throttle.window", self.window, "1s to 10m")?;
        let calls = (1..=1_000_000).contains(&self.min_calls);
        ensure(calls, "throttle.minCalls", self.min_calls, "1 to 1000000")?;
        let every = (Duration::from_millis(1)..=Duration::from_secs(60)).contains(&self.forced_pass_every);
        ensure(every, "throttle.forcedPassEvery", self.forced_pass_every, "1ms to 1m")
    }
}

/// One throttle, for one callee. It holds half a KiB and 256 bytes per processor, at most 4.5 KiB.
#[derive(Debug)]
pub struct Throttle {
    config: Config,
    origin: Origin,
    /// A computed probability is good for so long, in nanoseconds.
    good_for: u64,
    odds: CachePadded<Odds>,
    trouble: CachePadded<Trouble>,
    /// All calls, with those that were not accepted as failures, and those of them that were refused here as slow.
    window: Buckets,
}

/// What checks read. Written when the probability changes, and by no record of a healthy callee.
#[derive(Debug)]
struct Odds {
    /// When it was computed, in nanoseconds of the origin.
    computed: AtomicU64,
    /// The probability's bits.
    probability: AtomicU64,
    /// What it was computed from: requests in the upper half, accepted ones in the lower.
    counts: AtomicU64,
}

/// What is written in trouble only.
#[derive(Debug, Default)]
struct Trouble {
    /// When the callee last did not accept, in nanoseconds of the origin.
    seen: AtomicU64,
    /// When a call was last forced through, plus one; zero if never.
    forced: AtomicU64,
}

/// A throttle at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot {
    /// Calls in the window that were answered or refused here.
    pub requests: u64,
    /// Those that the callee accepted.
    pub accepted: u64,
    /// Those that were refused here.
    pub refused: u64,
    /// How likely the next call is refused, in `[0, 1]`.
    pub probability: f64,
}

impl Throttle {
    /// A throttle that has seen no call.
    pub fn new(config: Config, now: Instant) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self {
            origin: Origin::new(now),
            good_for: nanos((config.window / 1000).min(MOST_AGE)),
            odds: CachePadded::new(Odds {
                computed: AtomicU64::new(NEVER),
                probability: AtomicU64::new(0),
                counts: AtomicU64::new(0),
            }),
            trouble: CachePadded::default(),
            window: Buckets::new(config.window),
            config,
        })
    }

    /// Whether a call may be made; `draw` is a random number in `[0, 1)`. What it comes to is told to
    /// [`Throttle::record`]; a call that was cancelled needs no record.
    pub fn check(&self, now: Instant, draw: f64) -> Result<(), Refused> {
        let now = self.origin.nanos(now);
        self.refresh(now);
        let probability = self.odds.probability();
        if probability == 0.0 || draw >= probability {
            return Ok(());
        }
        match self.force(now) {
            None => Ok(()),
            Some(next) => Err(self.refuse(now, next)),
        }
    }

    /// Takes in what a call came to that was let through.
    pub fn record(&self, outcome: Outcome, now: Instant) {
        let now = self.origin.nanos(now);
        match outcome {
            Outcome::Success => self.count(now, true, false),
            Outcome::Failure | Outcome::Throttled => {
                self.note_trouble(now);
                self.count(now, false, false);
            }
            Outcome::Ignored => {}
        }
    }

    /// The numbers, for people.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let now = self.origin.nanos(now);
        let counts = self.window.sum(0, now);
        Snapshot {
            requests: counts.calls,
            accepted: accepted(&counts),
            refused: counts.slow,
            probability: self.probability(&counts, now),
        }
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Computes the probability anew if it is no longer good; of several threads one does.
    fn refresh(&self, now: u64) {
        let computed = self.odds.computed.load(Ordering::Acquire);
        if computed != NEVER && now.abs_diff(computed) < self.good_for {
            return;
        }
        let won = self
            .odds
            .computed
            .compare_exchange(computed, now, Ordering::AcqRel, Ordering::Relaxed);
        if won.is_ok() {
            let counts = self.window.sum(0, now);
            self.odds.set(self.probability(&counts, now), &counts);
        }
    }

    fn probability(&self, counts: &Counts, now: u64) -> f64 {
        if counts.calls < u64::from(self.config.min_calls) {
            return 0.0;
        }
        let (requests, accepted) = (counts.calls as f64, accepted(counts) as f64);
        let bare = (requests - self.config.k * accepted) / (requests + 1.0);
        bare.max(0.0) * (1.0 - self.calm(accepted, now))
    }

    /// The share of a window since the last trouble; none without any acceptance, because silence is not health.
    fn calm(&self, accepted: f64, now: u64) -> f64 {
        if accepted == 0.0 {
            return 0.0;
        }
        let since = now.saturating_sub(self.trouble.seen.load(Ordering::Relaxed));
        (since as f64 / nanos(self.config.window) as f64).min(1.0)
    }

    fn note_trouble(&self, now: u64) {
        if now.abs_diff(self.trouble.seen.load(Ordering::Relaxed)) >= self.good_for {
            self.trouble.seen.store(now, Ordering::Relaxed);
        }
    }

    /// Counts a call, and has the probability computed anew if that could be seen: while calls are few, and not for a
    /// success that leaves it at zero, as all do but those that fill up the minimum of calls.
    fn count(&self, now: u64, accepted: bool, refused: bool) {
        self.window.add(0, now, !accepted, refused);
        let (requests, _) = self.odds.counts();
        let fills = requests < u64::from(self.config.min_calls);
        let moves = !accepted || fills || self.odds.probability() > 0.0;
        if moves && requests < FEW {
            self.odds.computed.store(NEVER, Ordering::Release);
        }
    }

    /// Lets one call through in a while, or tells when the next one will be.
    fn force(&self, now: u64) -> Option<u64> {
        let every = nanos(self.config.forced_pass_every);
        let forced = self.trouble.forced.load(Ordering::Relaxed);
        let age = now.abs_diff(forced.saturating_sub(1));
        if forced != 0 && age < every {
            return Some(every - age);
        }
        let won = self
            .trouble
            .forced
            .compare_exchange(forced, now + 1, Ordering::Relaxed, Ordering::Relaxed);
        won.is_err().then_some(every)
    }

    fn refuse(&self, now: u64, next: u64) -> Refused {
        let (requests, accepted) = self.odds.counts();
        self.count(now, false, true);
        Refused {
            cause: Cause::Overloaded,
            evidence: Evidence {
                measure: Measure::RequestsPerAccept,
                value: requests as f64 / accepted.max(1) as f64,
                bound: self.config.k,
                calls: requests,
            },
            retry_after: Some(Duration::from_nanos(next)),
        }
    }
}

impl Odds {
    fn set(&self, probability: f64, counts: &Counts) {
        let half = |count: u64| count.min(u64::from(u32::MAX));
        let counts = half(counts.calls) << 32 | half(accepted(counts));
        self.probability.store(probability.to_bits(), Ordering::Relaxed);
        self.counts.store(counts, Ordering::Relaxed);
    }

    fn probability(&self) -> f64 {
        f64::from_bits(self.probability.load(Ordering::Relaxed))
    }

    /// Requests, and the accepted ones of them.
    fn counts(&self) -> (u64, u64) {
        let counts = self.counts.load(Ordering::Relaxed);
        (counts >> 32, counts & u64::from(u32::MAX))
    }
}

fn accepted(counts: &Counts) -> u64 {
    counts.calls.saturating_sub(counts.failures)
}

#[cfg(all(test, feature = "loom"))]
mod loom;
#[cfg(all(test, not(feature = "loom")))]
mod tests;

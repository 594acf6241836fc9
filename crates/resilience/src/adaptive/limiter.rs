//! The limit around calls.

use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use nines_base::Rng;
use nines_model::Cause;

use super::algorithm::{Spread, State, Window};
use super::{Config, Priority};
use crate::histogram::{Histogram, Merged};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::time::{Origin, nanos};
use crate::{Evidence, Invalid, Measure, Outcome, Refused};

/// From this part of the limit on it counts as used.
const NEARLY: f64 = 0.9;

/// A limit of calls in flight that finds itself.
#[derive(Debug)]
pub struct Limiter {
    config: Config,
    origin: Origin,
    in_flight: CachePadded<AtomicU32>,
    limit: AtomicU32,
    /// Whether the limit was reached, or nearly, in this window.
    full: AtomicBool,
    /// When this window may end, in nanoseconds of the origin.
    window_end: AtomicU64,
    /// Calls that end before may have begun under a higher limit, and say nothing of this one.
    valid_from: AtomicU64,
    samples: Histogram,
    /// The latency of the last window, in nanoseconds.
    usual: AtomicU64,
    finder: Mutex<Finder>,
}

/// What only the end of a window touches.
#[derive(Debug)]
struct Finder {
    state: State,
    rng: Rng,
    limit: f64,
    begun: u64,
    kept: Option<Merged>,
}

/// A call in flight. It goes back by [`Limiter::record`] or [`Limiter::release`].
#[derive(Debug)]
#[must_use = "a ticket goes back to its limiter by `record` or `release`"]
pub struct Ticket {
    begun: u64,
}

/// A limiter as people look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot {
    pub limit: u32,
    pub in_flight: u32,
    /// The latency without a queue, as far as it is known: a mean without those calls that are much slower than most.
    pub baseline: Option<Duration>,
    /// The mean of the last complete window, of all calls.
    pub latency: Option<Duration>,
}

impl Limiter {
    /// A limiter that begins at `config.initial`.
    pub fn new(config: Config, now: Instant) -> Result<Self, Invalid> {
        Self::with_rng(config, now, Rng::from_entropy())
    }

    /// The same with a jitter of the caller's own.
    pub fn with_rng(config: Config, now: Instant, rng: Rng) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self {
            origin: Origin::new(now),
            in_flight: CachePadded::default(),
            limit: AtomicU32::new(config.initial),
            full: AtomicBool::new(false),
            window_end: AtomicU64::new(nanos(config.min_window)),
            valid_from: AtomicU64::new(0),
            samples: Histogram::new(u64::MAX),
            usual: AtomicU64::new(u64::MAX),
            finder: Mutex::new(Finder {
                state: State::new(config.algorithm),
                rng,
                limit: f64::from(config.initial),
                begun: 0,
                kept: None,
            }),
            config,
        })
    }

    /// Whether one more call may be in flight.
    pub fn try_enter(&self, priority: Priority, now: Instant) -> Result<Ticket, Refused> {
        let limit = self.limit.load(Ordering::Relaxed);
        let most = priority.share(limit);
        let mut in_flight = self.in_flight.load(Ordering::Relaxed);
        loop {
            if in_flight >= most {
                self.note_full();
                return Err(refused(in_flight, most, limit));
            }
            let swap =
                self.in_flight
                    .compare_exchange_weak(in_flight, in_flight + 1, Ordering::Relaxed, Ordering::Relaxed);
            match swap {
                Ok(_) => break,
                Err(changed) => in_flight = changed,
            }
        }
        if f64::from(in_flight + 1) >= NEARLY * f64::from(limit) {
            self.note_full();
        }
        Ok(Ticket {
            begun: self.origin.nanos(now),
        })
    }

    /// Takes in what a call came to. The latency of a success counts, and that of a failure if it was slower than usual,
    /// as a timeout is: a quick failure says nothing of how much the callee can do.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is used up")]
    pub fn record(&self, ticket: Ticket, outcome: Outcome, now: Instant) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let now = self.origin.nanos(now);
        let latency = now.saturating_sub(ticket.begun);
        let counts = match outcome {
            Outcome::Success => true,
            Outcome::Failure => latency >= self.usual.load(Ordering::Relaxed),
            Outcome::Throttled | Outcome::Ignored => false,
        };
        if counts && now >= self.valid_from.load(Ordering::Relaxed) {
            self.samples.record(latency, 0);
        }
        if now >= self.window_end.load(Ordering::Relaxed) {
            self.end_window(now);
        }
    }

    /// Takes back the ticket of a call that was cancelled: it says nothing (Netflix concurrency-limits#146).
    pub fn release(&self, _ticket: Ticket) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many calls may be in flight.
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// How many calls are in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The numbers, for people.
    pub fn snapshot(&self) -> Snapshot {
        let finder = self.finder.lock();
        let latency = self.usual.load(Ordering::Relaxed);
        Snapshot {
            limit: self.limit(),
            in_flight: self.in_flight(),
            baseline: finder.state.baseline().map(Duration::from_secs_f64),
            latency: (latency != u64::MAX).then(|| Duration::from_nanos(latency)),
        }
    }

    fn note_full(&self) {
        if !self.full.load(Ordering::Relaxed) {
            self.full.store(true, Ordering::Relaxed);
        }
    }

    /// Ends the window if it is complete and nobody else is at it.
    fn end_window(&self, now: u64) {
        let Some(mut finder) = self.finder.try_lock() else {
            return;
        };
        if now < self.window_end.load(Ordering::Relaxed) {
            return;
        }
        let fresh = self.samples.drain();
        let samples = match finder.kept.take() {
            Some(kept) => kept.and(&fresh),
            None => fresh,
        };
        let age = now.saturating_sub(finder.begun);
        let complete = samples.samples() >= u64::from(self.config.min_samples) || age >= nanos(self.config.max_window);
        if !complete {
            finder.kept = Some(samples);
            let again = nanos(self.config.min_window) / 10;
            self.window_end.store(now + again, Ordering::Relaxed);
            return;
        }
        let before = self.limit();
        let spread = Spread::of(&samples);
        self.find(&mut finder, &samples, spread, age);
        finder.begun = now;
        if self.limit() < before {
            finder.begun += self.drains_in(spread);
            self.valid_from.store(finder.begun, Ordering::Relaxed);
        }
        self.window_end
            .store(finder.begun + nanos(self.config.min_window), Ordering::Relaxed);
    }

    fn find(&self, finder: &mut Finder, samples: &Merged, spread: Spread, age: u64) {
        let full = self.full.swap(false, Ordering::Relaxed);
        if samples.samples() == 0 {
            return;
        }
        let latency = samples.mean();
        let window = Window {
            spread,
            samples: samples.samples(),
            throughput: samples.samples() as f64 * 1e9 / age.max(1) as f64,
            full,
        };
        let Finder { state, rng, limit, .. } = finder;
        *limit = state.update(*limit, &window, &self.config, rng);
        self.usual.store(latency, Ordering::Relaxed);
        self.limit.store(finder.limit.round() as u32, Ordering::Relaxed);
    }

    /// In how many nanoseconds the calls that are in flight have ended, but for the slowest tenth.
    fn drains_in(&self, spread: Spread) -> u64 {
        let slowest = (spread.slowest() * 1e9) as u64;
        slowest.min(nanos(self.config.max_window))
    }
}

/// A call that a more important one would have got through is told so.
fn refused(in_flight: u32, most: u32, limit: u32) -> Refused {
    Refused {
        cause: Cause::Overloaded,
        evidence: Evidence {
            measure: if most < limit {
                Measure::Priority
            } else {
                Measure::InFlight
            },
            value: f64::from(in_flight),
            bound: f64::from(most),
            calls: 0,
        },
        retry_after: None,
    }
}

#[cfg(all(test, feature = "loom"))]
mod loom;
#[cfg(all(test, not(feature = "loom")))]
mod tests;

//! One endpoint and what is known of how it does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use crate::load::{Load, Ticks};
use crate::outlier::{Calls, History, Reason, Tally, Watch};
use crate::permit::Outcome;

/// A failure counts as an answer that took this long.
pub const FAILURE_PENALTY: Duration = Duration::from_secs(5);

/// The share of its weight with which a newcomer starts.
const SLOW_START_FLOOR: f32 = 0.1;

/// Somewhere to send requests, with statistics that all workers share.
#[derive(Debug)]
pub struct Endpoint {
    id: Box<str>,
    address: SocketAddr,
    added: Instant,
    /// Joined a set that had none: there is nobody to leave the traffic to while it warms up.
    at_full_share: bool,
    watch: Arc<Watch>,
    /// Whether `history` has an ejection that lasts; read at every pick.
    ejected: AtomicBool,
    history: Mutex<History>,
    /// Written on every request by every worker: kept off the cache lines of the fields above, which are only read.
    stats: CachePadded<Stats>,
}

#[derive(Debug)]
struct Stats {
    in_flight: AtomicU32,
    consecutive_errors: AtomicU32,
    load: Load,
    tally: Tally,
}

/// What a newcomer to a set begins with.
#[derive(Debug)]
pub(crate) struct Beginning<'a> {
    /// Its latency, in seconds, until there is a sample.
    pub(crate) seed: f32,
    pub(crate) at_full_share: bool,
    pub(crate) watch: &'a Arc<Watch>,
    pub(crate) now: Instant,
}

impl Endpoint {
    pub(crate) fn new(id: &str, address: SocketAddr, beginning: &Beginning<'_>) -> Self {
        Self {
            id: id.into(),
            address,
            added: beginning.now,
            at_full_share: beginning.at_full_share,
            watch: beginning.watch.clone(),
            ejected: AtomicBool::new(false),
            history: Mutex::default(),
            stats: CachePadded::new(Stats {
                in_flight: AtomicU32::new(0),
                consecutive_errors: AtomicU32::new(0),
                load: Load::new(beginning.seed, Ticks::from_age(Duration::ZERO)),
                tally: Tally::default(),
            }),
        }
    }

    /// The instance's id, or the address of a static endpoint.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// When it joined the set; slow start counts from here.
    pub fn added(&self) -> Instant {
        self.added
    }

    /// Requests that hold a [`crate::Permit`] for it, over all workers.
    pub fn in_flight(&self) -> u32 {
        self.stats.in_flight.load(Ordering::Relaxed)
    }

    /// Gateway errors since the last other answer.
    pub fn consecutive_errors(&self) -> u32 {
        self.stats.consecutive_errors.load(Ordering::Relaxed)
    }

    /// Whether it is passed over as an [outlier](crate::outlier).
    #[inline]
    pub fn is_ejected(&self) -> bool {
        self.ejected.load(Ordering::Relaxed)
    }

    /// Why it is ejected, if it is, and for how much longer.
    pub fn ejection(&self, now: Instant) -> Option<(Reason, Duration)> {
        let out = self.history.lock().out?;
        Some((out.reason, out.until.saturating_duration_since(now)))
    }

    /// The peak EWMA of its latency, failures counted as [`FAILURE_PENALTY`].
    pub fn latency(&self, now: Instant) -> Duration {
        Duration::from_secs_f32(self.seconds(now))
    }

    /// The share of its weight that it takes: grows from a tenth to 1 over `window` from when it was added.
    pub fn slow_start_share(&self, window: Duration, now: Instant) -> f32 {
        let age = now.saturating_duration_since(self.added);
        if self.at_full_share || age >= window {
            return 1.0;
        }
        (age.as_secs_f32() / window.as_secs_f32()).max(SLOW_START_FLOOR)
    }

    pub(crate) fn seconds(&self, now: Instant) -> f32 {
        self.stats.load.seconds(self.ticks(now))
    }

    pub(crate) fn warms_up(&self) -> bool {
        !self.at_full_share
    }

    pub(crate) fn begin(&self) {
        self.stats.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.stats.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn record(&self, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Success(latency) => {
                self.stats.load.observe(latency.as_secs_f32(), self.ticks(now));
                self.forget_errors();
            }
            Outcome::Failure => {
                self.stats.load.observe(FAILURE_PENALTY.as_secs_f32(), self.ticks(now));
                self.forget_errors();
            }
            Outcome::Unavailable => {
                self.stats.load.observe(FAILURE_PENALTY.as_secs_f32(), self.ticks(now));
                let errors = self.stats.consecutive_errors.fetch_add(1, Ordering::Relaxed) + 1;
                if errors == self.watch.consecutive_errors() {
                    self.watch.look();
                }
            }
        }
        if self.watch.counts_calls() {
            self.stats.tally.count(outcome);
        }
    }

    /// A request that was begun then ends without an outcome.
    #[cold]
    pub(crate) fn give_up(&self, since: Instant) {
        let now = self.watch.now();
        let ran = now.saturating_duration_since(since);
        self.stats.load.observe_at_least(ran.as_secs_f32(), self.ticks(now));
    }

    pub(crate) fn history(&self) -> History {
        *self.history.lock()
    }

    pub(crate) fn set_history(&self, history: History) {
        let mut known = self.history.lock();
        if known.out.is_some() && history.out.is_none() {
            self.forget_errors();
        }
        *known = history;
        self.ejected.store(history.out.is_some(), Ordering::Relaxed);
    }

    pub(crate) fn take_calls(&self) -> Calls {
        self.stats.tally.take()
    }

    fn forget_errors(&self) {
        if self.consecutive_errors() != 0 {
            self.stats.consecutive_errors.store(0, Ordering::Relaxed);
        }
    }

    fn ticks(&self, now: Instant) -> Ticks {
        Ticks::from_age(now.saturating_duration_since(self.added))
    }
}

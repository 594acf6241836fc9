//! One endpoint and what is known of how it does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use crate::load::{Load, Ticks};
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
    /// Written on every request by every worker: kept off the cache lines of the fields above, which are only read.
    stats: CachePadded<Stats>,
}

#[derive(Debug)]
struct Stats {
    in_flight: AtomicU32,
    consecutive_failures: AtomicU32,
    load: Load,
}

impl Endpoint {
    pub(crate) fn new(id: &str, address: SocketAddr, seed: f32, at_full_share: bool, now: Instant) -> Self {
        Self {
            id: id.into(),
            address,
            added: now,
            at_full_share,
            stats: CachePadded::new(Stats {
                in_flight: AtomicU32::new(0),
                consecutive_failures: AtomicU32::new(0),
                load: Load::new(seed, Ticks::from_age(Duration::ZERO)),
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

    /// Failures since the last success.
    pub fn consecutive_failures(&self) -> u32 {
        self.stats.consecutive_failures.load(Ordering::Relaxed)
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
                if self.consecutive_failures() != 0 {
                    self.stats.consecutive_failures.store(0, Ordering::Relaxed);
                }
            }
            Outcome::Failure => {
                self.stats.load.observe(FAILURE_PENALTY.as_secs_f32(), self.ticks(now));
                self.stats.consecutive_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn ticks(&self, now: Instant) -> Ticks {
        Ticks::from_age(now.saturating_duration_since(self.added))
    }
}

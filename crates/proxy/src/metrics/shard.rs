//! Counters with one writer.

use std::sync::atomic::{AtomicU64, Ordering};

use nines_model::Cause;

/// A counter that one thread writes and any thread reads: a plain load and store, no locked instruction.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Only the one writer may call this.
    pub(crate) fn add(&self, count: u64) {
        self.set(self.get() + count);
    }

    /// Only the one writer may call this.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one worker counts besides its routes and endpoints.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    pub(crate) connections_opened: Count,
    pub(crate) connections_closed: Count,
    /// Turned away because there were too many.
    pub(crate) connections_refused: Count,
    pub(crate) requests_begun: Count,
    pub(crate) requests_ended: Count,
    pub(crate) tunnels_opened: Count,
    pub(crate) tunnels_closed: Count,
    /// Attempts beyond a request's first, by reason.
    pub(crate) retried_connects: Count,
    pub(crate) retried_races: Count,
    pub(crate) received_bytes: Count,
    pub(crate) sent_bytes: Count,
    /// Cut off by the drain's deadline.
    pub(crate) aborted: Count,
    pub(crate) panics: Count,
    /// Access log lines that found the writer's queue full.
    pub(crate) log_dropped: Count,
    causes: [Count; Cause::ALL.len()],
}

impl Shard {
    pub(crate) fn cause(&self, cause: Cause) -> &Count {
        &self.causes[cause.index()]
    }
}

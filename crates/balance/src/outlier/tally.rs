//! The calls of an interval, as all workers count them.

use super::judge::Calls;
use crate::Outcome;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Counters that a review empties.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    successes: AtomicU32,
    failures: AtomicU32,
    nanos: AtomicU64,
}

impl Tally {
    pub(crate) fn count(&self, outcome: Outcome) {
        match outcome {
            Outcome::Success(latency) => {
                let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
                self.successes.fetch_add(1, Ordering::Relaxed);
                self.nanos.fetch_add(nanos, Ordering::Relaxed);
            }
            Outcome::Failure | Outcome::Unavailable => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// What came together since the last time. A call that is counted meanwhile may have its latency in the next interval:
    /// one in thousands.
    pub(crate) fn take(&self) -> Calls {
        Calls {
            successes: self.successes.swap(0, Ordering::Relaxed),
            failures: self.failures.swap(0, Ordering::Relaxed),
            seconds: self.nanos.swap(0, Ordering::Relaxed) as f64 / 1e9,
        }
    }
}

//! How often a policy refused, and how often it would have.

use nines_model::Cause;

use crate::Refused;
use crate::sync::atomic::{AtomicU64, Ordering};

const CAUSES: usize = Cause::ALL.len();

/// Counters of refusals by cause, and of what a policy in shadow mode would have done. Nothing is written for a call that
/// is let through.
#[derive(Debug)]
pub struct Counts {
    refused: [AtomicU64; CAUSES],
    shadow: [AtomicU64; CAUSES],
    shadow_retries: AtomicU64,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Calls refused or stopped.
    pub refused: Vec<(Cause, u64)>,
    /// Calls that would have been.
    pub shadow: Vec<(Cause, u64)>,
    /// Attempts that would have been made.
    pub shadow_retries: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            refused: std::array::from_fn(|_| AtomicU64::new(0)),
            shadow: std::array::from_fn(|_| AtomicU64::new(0)),
            shadow_retries: AtomicU64::new(0),
        }
    }
}

impl Counts {
    /// What was counted so far; causes that never came are left out.
    pub fn get(&self) -> Counted {
        Counted {
            refused: some(&self.refused),
            shadow: some(&self.shadow),
            shadow_retries: self.shadow_retries.load(Ordering::Relaxed),
        }
    }

    /// Counts a refusal and passes it on; or, in shadow mode, only counts it.
    #[cold]
    pub(super) fn refuse(&self, shadow: bool, refused: Refused) -> Result<(), Refused> {
        let counters = if shadow { &self.shadow } else { &self.refused };
        counters[refused.cause.index()].fetch_add(1, Ordering::Relaxed);
        if shadow { Ok(()) } else { Err(refused) }
    }

    /// Counts an attempt that would have been made.
    pub(super) fn would_retry(&self) {
        self.shadow_retries.fetch_add(1, Ordering::Relaxed);
    }
}

fn some(counters: &[AtomicU64; CAUSES]) -> Vec<(Cause, u64)> {
    let counts = Cause::ALL.into_iter().zip(counters);
    let counts = counts.map(|(cause, counter)| (cause, counter.load(Ordering::Relaxed)));
    counts.filter(|(_, count)| *count > 0).collect()
}

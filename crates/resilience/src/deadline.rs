//! One deadline for all that is done for a request, over every hop.
//!
//! A [`Deadline`] is a point in time, so what was spent is subtracted without anybody counting. Between hops it travels
//! as the time that is left, since clocks differ: in `x-nines-timeout-ms` or, for gRPC, in `grpc-timeout`. In a process it
//! travels in a request's extensions ([`Deadline::put`], [`Deadline::of`]) and, where no request is at hand, with the
//! tokio task ([`scope`], [`current`], [`within`]). Whoever sets one where another is in force gets the earlier of both.

mod elsewhere;
mod header;
mod task;

use std::time::{Duration, Instant};

use http::Extensions;
use nines_model::Cause;

use crate::{Evidence, Measure, Refused};

pub use header::{BadDeadline, GRPC_TIMEOUT, TIMEOUT_MS};
pub use task::{Over, Scope, current, scope, sync_scope, within};

/// Longer times than this are taken for it: a year outlives every request, and fits every clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// When the answer is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline at this time.
    pub fn at(time: Instant) -> Self {
        Self(time)
    }

    /// The deadline so long after `now`, at most a year.
    pub fn after(timeout: Duration, now: Instant) -> Self {
        Self(now.checked_add(timeout.min(LONGEST)).unwrap_or(now))
    }

    /// The point in time.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// What is left, which is more than nothing; `None` once it is over.
    pub fn remaining(self, now: Instant) -> Option<Duration> {
        let left = self.0.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Whether nothing is left. At the deadline itself it is over.
    pub fn is_over(self, now: Instant) -> bool {
        now >= self.0
    }

    /// Refuses what cannot be done in time: work that needs at least `needed`, which may be nothing, when less is left.
    pub fn check(self, needed: Duration, now: Instant) -> Result<(), Refused> {
        match self.remaining(now) {
            Some(left) if left >= needed => Ok(()),
            left => Err(Refused {
                cause: Cause::DeadlineExceeded,
                evidence: Evidence {
                    measure: Measure::Deadline,
                    value: left.unwrap_or_default().as_secs_f64(),
                    bound: needed.as_secs_f64(),
                    calls: 0,
                },
                retry_after: None,
            }),
        }
    }

    /// The one that comes first.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }

    /// The deadline less the time that its answer takes back to us: what the next hop is told.
    #[must_use]
    pub fn less(self, margin: Duration) -> Self {
        Self(self.0.checked_sub(margin.min(LONGEST)).unwrap_or(self.0))
    }

    /// Puts it into a request's extensions, unless an earlier one is there.
    pub fn put(self, extensions: &mut Extensions) {
        let earliest = Self::of(extensions).map_or(self, |other| self.earlier(other));
        extensions.insert(earliest);
    }

    /// The one in a request's extensions.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

//! Points in time that fit an atomic.

use std::time::{Duration, Instant};

/// Where a core counts from: it keeps times as nanoseconds since its own beginning. 64 bits last 584 years.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin(Instant);

impl Origin {
    pub(crate) fn new(now: Instant) -> Self {
        Self(now)
    }

    /// Nanoseconds since the origin; a time before it, as after a clock's step back, counts as the origin.
    #[inline]
    pub(crate) fn nanos(self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.0))
    }

    pub(crate) fn instant(self, nanos: u64) -> Instant {
        let after = Duration::from_nanos(nanos);
        self.0.checked_add(after).unwrap_or(self.0)
    }
}

/// A duration in nanoseconds, at most `u64::MAX`.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1_000_000_000);
    whole.saturating_add(u64::from(duration.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_base::Clock;

    #[test]
    fn a_time_before_the_origin_is_the_origin() {
        let (clock, hand) = Clock::manual();
        let before = clock.now();
        hand.advance(Duration::from_secs(1));
        let origin = Origin::new(clock.now());
        hand.advance(Duration::from_nanos(7));
        assert_eq!((origin.nanos(before), origin.nanos(clock.now())), (0, 7));
        assert_eq!(origin.instant(7), clock.now());
    }
}

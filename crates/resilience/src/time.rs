//! Points in time that fit an atomic.

use std::time::{Duration, Instant};

const SECOND: u64 = 1_000_000_000;
/// When time ends, in nanoseconds since an origin: after 18 years. So it may be multiplied and added to without a thought.
pub(crate) const END: u64 = 1 << 59;

/// Where a core counts from: it keeps times as nanoseconds since its own beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin(Instant);

impl Origin {
    pub(crate) fn new(now: Instant) -> Self {
        Self(now)
    }

    /// Nanoseconds since the origin. A time before it, as after a clock's step back, counts as the origin, and one after
    /// the [`END`] as the end.
    #[inline(always)]
    pub(crate) fn nanos(self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.0);
        if since.as_secs() < END / SECOND {
            return short(since);
        }
        beyond(END)
    }

    pub(crate) fn instant(self, nanos: u64) -> Instant {
        let after = Duration::from_nanos(nanos);
        self.0.checked_add(after).unwrap_or(self.0)
    }
}

/// A duration in nanoseconds, at most `u64::MAX`.
#[inline(always)]
pub(crate) fn nanos(duration: Duration) -> u64 {
    if duration.as_secs() < u64::MAX / SECOND {
        return short(duration);
    }
    beyond(u64::MAX)
}

#[inline(always)]
fn short(duration: Duration) -> u64 {
    duration.as_secs() * SECOND + u64::from(duration.subsec_nanos())
}

/// Out of the way: a branch that is foretold costs nothing, a number that saturates makes every decision wait for it.
#[cold]
fn beyond(end: u64) -> u64 {
    end
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

    #[test]
    fn time_and_durations_have_an_end() {
        let (clock, _) = Clock::manual();
        let origin = Origin::new(clock.now());
        let after = |seconds| origin.nanos(clock.now() + Duration::from_secs(seconds));
        assert_eq!(after(500_000_000), 500_000_000 * SECOND);
        assert_eq!(after(600_000_000), END);
        assert_eq!(
            nanos(Duration::from_nanos(u64::MAX) - Duration::from_secs(1)),
            u64::MAX - SECOND
        );
        assert_eq!(nanos(Duration::MAX), u64::MAX);
    }
}

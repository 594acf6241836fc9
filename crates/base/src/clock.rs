//! The one source of time. Decisions take the time as an argument; whoever calls them reads it here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Monotonic and wall time, real or under a test's control. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<ManualTime>),
}

#[derive(Debug)]
struct ManualTime {
    start: Instant,
    wall: SystemTime,
    nanos: AtomicU64,
}

/// The handle that moves a manual [`Clock`].
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<ManualTime>);

impl Clock {
    /// The machine's clocks.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until its handle advances it.
    #[expect(
        clippy::disallowed_methods,
        reason = "a manual clock needs one real instant to count from"
    )]
    pub fn manual() -> (Self, ManualClock) {
        let time = Arc::new(ManualTime {
            start: Instant::now(),
            wall: SystemTime::UNIX_EPOCH,
            nanos: AtomicU64::new(0),
        });
        (Self(Source::Manual(time.clone())), ManualClock(time))
    }

    /// Monotonic time, for intervals and deadlines.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the monotonic clock"
    )]
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::now(),
            Source::Manual(time) => time.start + time.elapsed(),
        }
    }

    /// Wall time, for records that people read. It may jump; never compute an interval from it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            Source::System => SystemTime::now(),
            Source::Manual(time) => time.wall + time.elapsed(),
        }
    }
}

impl ManualTime {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
}

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.nanos.fetch_add(nanos, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let (clock, hand) = Clock::manual();
        let (start, wall) = (clock.now(), clock.wall());
        assert_eq!(clock.now(), start);
        hand.advance(Duration::from_millis(1500));
        assert_eq!(clock.now() - start, Duration::from_millis(1500));
        assert_eq!(
            clock.wall().duration_since(wall).ok(),
            Some(Duration::from_millis(1500))
        );
    }
}

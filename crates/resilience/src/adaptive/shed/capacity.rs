//! How many calls the process can work on at a time.
//!
//! The best throughput times the best latency of a window, by Little's law. But a throughput is at most what was offered,
//! and while calls are bounded it is at most what the bound lets through. So from the first bounded call on the bound grows
//! by a tenth with each part in which calls were refused and the others took hardly longer than in the best one. When they
//! take twice as long, they wait: what was done then is all that can be done, and the bound is that times the best
//! latency, and a tenth less, so that it goes down in the end if the best latency was that of calls that waited too.
//! (The best throughput is more than can be done, by chance: with it the bound would rise for ever.)

use std::collections::VecDeque;

/// A window is looked at in at most so many parts.
const PARTS: u64 = 100;
/// A part has so many calls, so that its latency says something, or is this share of the window long.
const CALLS: u64 = 50;
const LONGEST: u64 = 10;
/// A part whose calls take longer than those of the best by more than this factor says that they wait.
const WAITING: f64 = 2.0;
/// So much of what can be done is let in flight after calls have waited.
const DRAINED: f64 = 0.9;

/// Throughput and latency of the parts of a window, and the bound that follows.
#[derive(Debug)]
pub(super) struct Capacity {
    window: u64,
    /// What was counted until the last part's end, and when that was.
    calls: u64,
    total: u64,
    at: u64,
    parts: VecDeque<Part>,
    /// `None` if nothing is known.
    bound: Option<u32>,
}

#[derive(Debug)]
struct Part {
    end: u64,
    /// Calls in a second.
    throughput: f64,
    /// The mean, in seconds.
    latency: f64,
}

/// What it was like in the part that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// Every call was let through.
    Below,
    /// Calls were bounded, and none was refused.
    Over,
    /// Some were refused.
    Full,
}

impl Capacity {
    pub(super) fn new(window: u64) -> Self {
        Self {
            window,
            calls: 0,
            total: 0,
            at: 0,
            parts: VecDeque::new(),
            bound: None,
        }
    }

    /// So many calls, which took so many nanoseconds together, have succeeded since the beginning. Says whether a part has
    /// ended: then [`Capacity::judge`] it.
    pub(super) fn add(&mut self, calls: u64, total: u64, now: u64) -> bool {
        let elapsed = now.saturating_sub(self.at);
        let (more, longer) = (calls.wrapping_sub(self.calls), total.wrapping_sub(self.total));
        if elapsed < self.window / PARTS || (more < CALLS && elapsed < self.window / LONGEST) {
            return false;
        }
        (self.calls, self.total, self.at) = (calls, total, now);
        self.parts.retain(|part| now - part.end < self.window);
        if more > 0 {
            self.parts.push_back(Part {
                end: now,
                throughput: more as f64 * 1e9 / elapsed as f64,
                latency: longer as f64 / 1e9 / more as f64,
            });
        }
        true
    }

    /// The bound after a part. While calls are bounded, parts without a success change nothing, however many.
    pub(super) fn judge(&mut self, load: Load) {
        self.bound = match self.bound {
            Some(bound) if load != Load::Below => Some(self.adjusted(bound, load)),
            _ => self.best(),
        };
    }

    fn adjusted(&self, bound: u32, load: Load) -> u32 {
        let ended = self.parts.back().filter(|part| part.end == self.at);
        let (Some(part), Some(best)) = (ended, self.best_latency()) else {
            return bound;
        };
        if part.latency > WAITING * best {
            return in_flight(DRAINED * part.throughput, best);
        }
        match load {
            Load::Full => bound.saturating_add((bound / 10).max(1)),
            Load::Below | Load::Over => bound,
        }
    }

    /// How many may be in flight; without bound if nothing is known.
    pub(super) fn bound(&self) -> u32 {
        self.bound.unwrap_or(u32::MAX)
    }

    fn best(&self) -> Option<u32> {
        let throughput = self.parts.iter().map(|part| part.throughput).reduce(f64::max)?;
        Some(in_flight(throughput, self.best_latency()?))
    }

    fn best_latency(&self) -> Option<f64> {
        self.parts.iter().map(|part| part.latency).reduce(f64::min)
    }
}

/// By Little's law, but at least 1.
fn in_flight(throughput: f64, latency: f64) -> u32 {
    (throughput * latency).round().max(1.0) as u32
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_best_of_the_window_counts() {
        let mut capacity = Capacity::new(10 * SECOND);
        assert_eq!(capacity.bound(), u32::MAX);
        let (mut calls, mut total) = (0, 0);
        // Each second: calls, their latency in milliseconds, the bound after it.
        for (second, (more, millis, bound)) in (1..).zip([
            (100, 20, 2),
            (400, 50, 8),
            (0, 0, 8),
            (50, 10, 4),
            (1, 1000, 4),
            (1, 1000, 4),
            (1, 1000, 4),
            (1, 1000, 4),
            (1, 1000, 4),
            (1, 1000, 4),
            (1, 1000, 4),
            // The 400 have gone out of the window.
            (1, 1000, 1),
        ]) {
            calls += more;
            total += more * millis * 1_000_000;
            assert!(capacity.add(calls, total, second * SECOND));
            capacity.judge(Load::Below);
            assert_eq!(capacity.bound(), bound, "second {second}");
        }
    }

    #[test]
    fn samples_too_close_are_taken_together() {
        let mut capacity = Capacity::new(10 * SECOND);
        for part in 1..=1000 {
            // A call each millisecond, of two milliseconds.
            capacity.add(part, part * 2_000_000, part * 1_000_000);
        }
        capacity.judge(Load::Below);
        assert_eq!((capacity.parts.len(), capacity.bound()), (10, 2));
        // A clock that steps back, and one that stood still for a day.
        capacity.add(2000, 4_000_000_000, 5_000_000);
        assert_eq!(capacity.parts.len(), 10);
        capacity.add(2000, 4_000_000_000, 86_400 * SECOND);
        capacity.judge(Load::Below);
        assert_eq!((capacity.parts.len(), capacity.bound()), (1, 1));
    }

    #[test]
    fn while_calls_are_bounded_the_bound_grows_until_they_wait() {
        let mut capacity = Capacity::new(10 * SECOND);
        let (mut calls, mut total) = (0, 0);
        for (second, (more, millis, load, bound)) in (1..).zip([
            (100, 100, Load::Below, 10),
            (100, 100, Load::Over, 10),
            (100, 100, Load::Full, 11),
            (110, 190, Load::Full, 12),
            (50, 190, Load::Over, 12),
            // Nine tenths of 110 a second of 100 ms.
            (110, 210, Load::Full, 10),
            (0, 0, Load::Full, 10),
            (10, 100, Load::Full, 11),
            (200, 100, Load::Below, 20),
        ]) {
            calls += more;
            total += more * millis * 1_000_000;
            capacity.add(calls, total, second * SECOND);
            capacity.judge(load);
            assert_eq!(capacity.bound(), bound, "second {second}");
        }
    }

    #[test]
    fn few_calls_make_no_part_of_a_short_time() {
        let mut capacity = Capacity::new(10 * SECOND);
        assert!(!capacity.add(49, 49, SECOND / 4));
        assert!(capacity.add(50, 50, SECOND / 2));
        assert!(!capacity.add(51, 51, SECOND));
        assert!(capacity.add(51, 51, SECOND * 3 / 2));
    }
}

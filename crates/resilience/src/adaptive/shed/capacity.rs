//! How many calls the process can work on at a time.

use std::collections::VecDeque;

/// A window is looked at in so many parts.
const PARTS: u64 = 100;

/// Throughput and latency of the parts of a window.
#[derive(Debug)]
pub(super) struct Capacity {
    window: u64,
    /// What was counted until the last part's end, and when that was.
    calls: u64,
    total: u64,
    at: u64,
    parts: VecDeque<Part>,
}

#[derive(Debug)]
struct Part {
    end: u64,
    /// Calls in a second.
    throughput: f64,
    /// The mean, in seconds.
    latency: f64,
}

impl Capacity {
    pub(super) fn new(window: u64) -> Self {
        Self {
            window,
            calls: 0,
            total: 0,
            at: 0,
            parts: VecDeque::new(),
        }
    }

    /// So many calls, which took so many nanoseconds together, have succeeded since the beginning.
    pub(super) fn add(&mut self, calls: u64, total: u64, now: u64) {
        let elapsed = now.saturating_sub(self.at);
        if elapsed < self.window / PARTS {
            return;
        }
        let (more, longer) = (calls.wrapping_sub(self.calls), total.wrapping_sub(self.total));
        (self.calls, self.total, self.at) = (calls, total, now);
        self.parts.retain(|part| now - part.end < self.window);
        if more > 0 {
            self.parts.push_back(Part {
                end: now,
                throughput: more as f64 * 1e9 / elapsed as f64,
                latency: longer as f64 / 1e9 / more as f64,
            });
        }
    }

    /// The best throughput times the best latency (Little's law), at least 1; without bound if nothing is known.
    pub(super) fn bound(&self) -> u32 {
        let throughput = self.parts.iter().map(|part| part.throughput).reduce(f64::max);
        let latency = self.parts.iter().map(|part| part.latency).reduce(f64::min);
        match (throughput, latency) {
            (Some(throughput), Some(latency)) => (throughput * latency).round().max(1.0) as u32,
            _ => u32::MAX,
        }
    }
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
            capacity.add(calls, total, second * SECOND);
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
        assert_eq!((capacity.parts.len(), capacity.bound()), (10, 2));
        // A clock that steps back, and one that stood still for a day.
        capacity.add(2000, 4_000_000_000, 5_000_000);
        assert_eq!(capacity.parts.len(), 10);
        capacity.add(2000, 4_000_000_000, 86_400 * SECOND);
        assert_eq!((capacity.parts.len(), capacity.bound()), (1, 1));
    }
}

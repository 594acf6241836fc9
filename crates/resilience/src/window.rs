//! The results of the last time, in ten buckets for each stripe: what breaker and throttle count with.
//!
//! A result counts for nine to ten tenths of the window: of the oldest tenth only what is left of it.

use std::time::Duration;

use crossbeam_utils::CachePadded;

use crate::stripe;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::nanos;

const BUCKETS: usize = 10;

/// From the top: the bucket's number (28 bits), the generation (12), the count (24).
///
/// Each count bears its own mark, so that one compare-and-swap starts a new bucket and counts in it. Numbers return after
/// 2^28 buckets, a month of the shortest ones: a count that nobody touched for just so long may count again, for 4096
/// buckets. Generations return after 4096 changes of phase.
const COUNT_BITS: u32 = 24;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const GENERATION: u64 = (1 << 12) - 1;
const NUMBER: u64 = (1 << 28) - 1;
/// A bucket that is ahead by so many at most is that of a clock that is not behind; further ahead is long gone.
const AHEAD: u64 = 4096;

/// The calls of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub calls: u64,
    pub failures: u64,
    pub slow: u64,
}

#[derive(Debug)]
pub(crate) struct Time {
    bucket_nanos: u64,
    stripes: Box<[CachePadded<[Bucket; BUCKETS]>]>,
}

#[derive(Debug, Default)]
struct Bucket {
    calls: AtomicU64,
    failures: AtomicU64,
    slow: AtomicU64,
}

impl Time {
    pub(crate) fn new(length: Duration) -> Self {
        Self {
            bucket_nanos: (nanos(length) / BUCKETS as u64).max(1),
            stripes: (0..stripe::count()).map(|_| CachePadded::default()).collect(),
        }
    }

    /// Counts one result; `now` in nanoseconds. Whether it is the first of a bucket on its stripe: then an older bucket has
    /// gone out of the window, and every rate may have risen, however good the result.
    pub(crate) fn add(&self, generation: u32, now: u64, failed: bool, slow: bool) -> bool {
        let number = now / self.bucket_nanos;
        let bucket = &self.stripes[stripe::mine(self.stripes.len())][place(number)];
        let mark = mark(number, generation);
        // First the call, then what became of it: whoever sums in between sees no rate over 1.
        let Some(after) = count(&bucket.calls, mark) else {
            return false;
        };
        // At its end a count stands still, and what became of its calls with it, so that rates stay what they were.
        if after & COUNT == COUNT {
            return false;
        }
        let mark = after >> COUNT_BITS;
        if failed {
            count(&bucket.failures, mark);
        }
        if slow {
            count(&bucket.slow, mark);
        }
        after & COUNT == 1
    }

    pub(crate) fn sum(&self, generation: u32, now: u64) -> Counts {
        let number = now / self.bucket_nanos;
        let mut counts = Counts::default();
        let counted = |word: &AtomicU64| {
            let word = word.load(Ordering::Acquire);
            let counts = is_in_window(word, number) && generation_of(word) == u64::from(generation) & GENERATION;
            if counts { word & COUNT } else { 0 }
        };
        for bucket in self.stripes.iter().flat_map(|stripe| stripe.iter()) {
            counts.failures += counted(&bucket.failures);
            counts.slow += counted(&bucket.slow);
            counts.calls += counted(&bucket.calls);
        }
        counts
    }
}

/// Adds one to a count, which starts anew if its mark is older, and gives it with its mark. A clock that is behind is
/// counted where it stands; a call of a generation that is over is not counted at all.
fn count(word: &AtomicU64, mark: u64) -> Option<u64> {
    let mut seen = word.load(Ordering::Relaxed);
    loop {
        let same = generation_of(seen) == mark & GENERATION;
        let ahead = age(mark >> 12, number_of(seen), NUMBER);
        let behind = is_behind(ahead);
        // Only of a count that still stands in the window can it be said which generation came first: others may be half
        // their ring apart.
        if (behind || ahead <= BUCKETS as u64) && is_older(mark & GENERATION, generation_of(seen)) {
            return None;
        }
        let after = if same && (ahead == 0 || behind) {
            saturating_increment(seen)
        } else {
            mark << COUNT_BITS | 1
        };
        match word.compare_exchange_weak(seen, after, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return Some(after),
            Err(now) => seen = now,
        }
    }
}

fn saturating_increment(word: u64) -> u64 {
    if word & COUNT == COUNT { word } else { word + 1 }
}

fn mark(number: u64, generation: u32) -> u64 {
    (number & NUMBER) << 12 | (u64::from(generation) & GENERATION)
}

fn place(number: u64) -> usize {
    (number % BUCKETS as u64) as usize
}

fn number_of(word: u64) -> u64 {
    word >> (COUNT_BITS + 12)
}

fn generation_of(word: u64) -> u64 {
    word >> COUNT_BITS & GENERATION
}

/// How far `a` is ahead of `b`, on a ring.
fn age(a: u64, b: u64, ring: u64) -> u64 {
    a.wrapping_sub(b) & ring
}

fn is_older(a: u64, b: u64) -> bool {
    age(b, a, GENERATION).wrapping_sub(1) < GENERATION / 2
}

/// A bucket ahead of `now` counts: somebody's clock is a little behind.
fn is_in_window(word: u64, now: u64) -> bool {
    let age = age(now & NUMBER, number_of(word), NUMBER);
    age < BUCKETS as u64 || is_behind(age)
}

/// Whether that far ahead on the ring means a little behind.
fn is_behind(ahead: u64) -> bool {
    ahead > NUMBER - AHEAD
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn window() -> Time {
        Time::new(Duration::from_secs(10))
    }

    fn sum(window: &Time, second: u64) -> (u64, u64, u64) {
        let counts = window.sum(0, second * SECOND);
        (counts.calls, counts.failures, counts.slow)
    }

    #[test]
    fn a_result_counts_for_ten_buckets() {
        let window = window();
        window.add(0, 0, true, false);
        window.add(0, SECOND, false, true);
        assert_eq!(sum(&window, 1), (2, 1, 1));
        assert_eq!(sum(&window, 9), (2, 1, 1));
        assert_eq!(sum(&window, 10), (1, 0, 1));
        assert_eq!(sum(&window, 11), (0, 0, 0));
        window.add(0, 20 * SECOND, true, false);
        assert_eq!(sum(&window, 20), (1, 1, 0), "the old bucket of the same place is gone");
    }

    #[test]
    fn the_first_of_a_bucket_tells() {
        let window = window();
        let first = |generation, second| window.add(generation, second * SECOND, false, false);
        assert_eq!(
            [first(0, 0), first(0, 0), first(0, 1), first(0, 1)],
            [true, false, true, false]
        );
        assert_eq!([first(1, 1), first(1, 1)], [true, false], "of a generation too");
        assert!(!first(0, 1), "what is over counts nothing");
    }

    #[test]
    fn a_clock_that_steps_back_loses_nothing() {
        let window = window();
        window.add(0, 25 * SECOND, false, false);
        window.add(0, 15 * SECOND, true, false);
        assert_eq!(sum(&window, 25), (2, 1, 0), "counted in the newer bucket of its place");
        assert_eq!(sum(&window, 24), (2, 1, 0));
    }

    #[test]
    fn a_generation_that_is_over_counts_no_more() {
        let window = window();
        window.add(0, 0, true, true);
        window.add(1, 0, false, false);
        window.add(0, 0, true, true);
        assert_eq!(window.sum(1, 0).calls, 1);
        assert_eq!((window.sum(1, 0).failures, window.sum(1, 0).slow), (0, 0));
    }

    #[test]
    fn generations_go_round_while_nothing_is_counted() {
        for changes in [1, 2047, 2049, 4095, 4096, 5000] {
            let window = window();
            window.add(0, 0, true, false);
            window.add(changes, 3600 * SECOND, true, false);
            assert_eq!(
                window.sum(changes, 3600 * SECOND).failures,
                1,
                "{changes} changes of phase later"
            );
        }
    }

    #[test]
    fn marks_go_round() {
        assert!(is_older(GENERATION, 0) && !is_older(0, GENERATION) && !is_older(3, 3));
        let window = window();
        let last = NUMBER * SECOND;
        window.add(0, last, true, false);
        window.add(0, last + SECOND, false, false);
        assert_eq!(window.sum(0, last + SECOND).calls, 2);
        assert_eq!(window.sum(0, last + 11 * SECOND).calls, 0);
    }

    #[test]
    fn what_is_long_gone_does_not_come_back() {
        const HOUR: u64 = 3600 * SECOND;
        let window = Time::new(Duration::from_millis(100));
        window.add(0, 0, true, false);
        for hours in [1, 24 * 14, 24 * 16, 24 * 30] {
            assert_eq!(window.sum(0, hours * HOUR).calls, 0, "{hours} hours later");
        }
        window.add(0, 24 * 16 * HOUR, false, false);
        assert_eq!(window.sum(0, 24 * 16 * HOUR).failures, 0);
        let behind = 24 * 16 * HOUR - 5 * SECOND;
        assert_eq!(window.sum(0, behind).calls, 1, "a clock that is behind sees it");
    }

    #[test]
    fn a_count_stays_at_its_end() {
        let word = AtomicU64::new(COUNT);
        count(&word, 0);
        assert_eq!(word.load(Ordering::Relaxed), COUNT);
    }

    #[test]
    fn rates_stay_what_they_were_when_a_bucket_is_full() {
        let window = window();
        let stripe = &window.stripes[stripe::mine(window.stripes.len())][0];
        stripe.calls.store(COUNT - 10, Ordering::Relaxed);
        for _ in 0..100 {
            window.add(0, 0, true, true);
        }
        let counts = window.sum(0, 0);
        assert_eq!((counts.calls, counts.failures, counts.slow), (COUNT, 9, 9));
    }
}

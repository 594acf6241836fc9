//! The results of the last so many calls.

use std::num::NonZeroU32;

use crossbeam_utils::CachePadded;

use super::super::word::is_older;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::window::Counts;

/// A ring with a slot for each call, and the sum of what stands in it. Each result takes the next slot and exchanges what
/// stood there; what came in and what went out go into the sum together, so that it is always that of the slots, give
/// or take the exchanges under way.
///
/// A result costs an addition and a compare-and-swap on lines that all threads share, and one more where it differs from
/// what it puts out: that is the price of knowing the order of all calls. Slots and sum bear their generation, so that a
/// new one forgets all at once.
#[derive(Debug)]
pub(in super::super) struct Calls {
    /// From the top: the generation, three bits of the result.
    slots: Box<[AtomicU64]>,
    shared: Box<CachePadded<Shared>>,
}

#[derive(Debug)]
struct Shared {
    next: AtomicU64,
    /// From the top: the generation (13 bits), slow calls, failures, calls (17 each, counted from `BIAS`).
    sum: AtomicU64,
}

const CALL: u64 = 1;
const FAILURE: u64 = 2;
const SLOW: u64 = 4;
const RESULT: u64 = 7;

const BITS: u32 = 17;
const FIELD: u64 = (1 << BITS) - 1;
const FAILURES_AT: u32 = BITS;
const SLOW_AT: u32 = 2 * BITS;
const GENERATION_AT: u32 = 3 * BITS;
/// What goes out may be subtracted before it was added, by the thread that put it in: a count may be below zero for a
/// moment, by as many as threads are between the two steps, and must not borrow from its neighbour.
const BIAS: u64 = 1 << 14;
const NOTHING: u64 = BIAS | BIAS << FAILURES_AT | BIAS << SLOW_AT;

impl Calls {
    pub(super) fn new(size: NonZeroU32) -> Self {
        Self {
            slots: (0..size.get()).map(|_| AtomicU64::new(0)).collect(),
            shared: Box::new(CachePadded::new(Shared {
                next: AtomicU64::new(0),
                sum: AtomicU64::new(NOTHING),
            })),
        }
    }

    pub(super) fn add(&self, generation: u32, failed: bool, slow: bool) {
        let result = CALL | if failed { FAILURE } else { 0 } | if slow { SLOW } else { 0 };
        let place = self.shared.next.fetch_add(1, Ordering::Relaxed) % self.slots.len() as u64;
        let new = u64::from(generation) << 3 | result;
        if let Some(old) = exchange(&self.slots[place as usize], new) {
            let gone = if old >> 3 == new >> 3 { parts(old) } else { 0 };
            self.add_to_sum(generation, parts(new).wrapping_sub(gone));
        }
    }

    pub(super) fn sum(&self) -> Counts {
        let sum = self.shared.sum.load(Ordering::Acquire);
        let part = |at: u32| (sum >> at & FIELD).saturating_sub(BIAS);
        Counts {
            calls: part(0),
            failures: part(FAILURES_AT),
            slow: part(SLOW_AT),
        }
    }

    /// Forgets all that is older than the generation. One thread at a time. An exchange and not a store, because loom
    /// orders a store not against the exchange of a late result.
    pub(super) fn clear(&self, generation: u32) {
        self.shared.sum.swap(mark(generation) | NOTHING, Ordering::AcqRel);
    }

    /// A result of a generation that is over changes nothing.
    fn add_to_sum(&self, generation: u32, change: u64) {
        if change == 0 {
            return;
        }
        let mut sum = self.shared.sum.load(Ordering::Relaxed);
        while sum >> GENERATION_AT == mark(generation) >> GENERATION_AT {
            let after = sum.wrapping_add(change);
            match self
                .shared
                .sum
                .compare_exchange_weak(sum, after, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => sum = now,
            }
        }
    }
}

/// Puts a result into its slot and gives the old one, unless that is of a newer generation.
fn exchange(slot: &AtomicU64, new: u64) -> Option<u64> {
    let mut old = slot.load(Ordering::Relaxed);
    loop {
        if is_older((new >> 3) as u32, (old >> 3) as u32) {
            return None;
        }
        match slot.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return Some(old),
            Err(now) => old = now,
        }
    }
}

fn mark(generation: u32) -> u64 {
    u64::from(generation) << GENERATION_AT
}

fn parts(slot: u64) -> u64 {
    let result = slot & RESULT;
    (result & CALL) | (result & FAILURE) >> 1 << FAILURES_AT | (result & SLOW) >> 2 << SLOW_AT
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    fn sum(window: &Calls) -> (u64, u64, u64) {
        let counts = window.sum();
        (counts.calls, counts.failures, counts.slow)
    }

    #[test]
    fn the_last_calls_count() {
        let window = Calls::new(NonZeroU32::new(3).expect("not zero"));
        for (failed, slow, expected) in [
            (true, false, (1, 1, 0)),
            (true, true, (2, 2, 1)),
            (false, false, (3, 2, 1)),
            (false, false, (3, 1, 1)),
            (false, true, (3, 0, 1)),
            (false, false, (3, 0, 1)),
            (false, false, (3, 0, 1)),
            (false, false, (3, 0, 0)),
        ] {
            window.add(0, failed, slow);
            assert_eq!(sum(&window), expected);
        }
    }

    #[test]
    fn a_window_of_one_call() {
        let window = Calls::new(NonZeroU32::MIN);
        window.add(0, true, true);
        window.add(0, false, false);
        assert_eq!(sum(&window), (1, 0, 0));
    }

    #[test]
    fn a_generation_that_is_over_counts_no_more() {
        let window = Calls::new(NonZeroU32::new(2).expect("not zero"));
        window.add(0, true, true);
        window.clear(1);
        assert_eq!(sum(&window), (0, 0, 0));
        window.add(0, true, true);
        assert_eq!(sum(&window), (0, 0, 0));
        window.add(1, true, false);
        assert_eq!(sum(&window), (1, 1, 0));
    }

    /// With one slot a result is often put out by the next one before it is in the sum.
    #[test]
    fn what_goes_out_before_it_is_in_borrows_nothing() {
        let window = Calls::new(NonZeroU32::MIN);
        let early = parts(CALL | FAILURE | SLOW);
        window.add_to_sum(0, parts(CALL).wrapping_sub(early));
        assert_eq!(sum(&window), (0, 0, 0));
        window.add_to_sum(0, early);
        assert_eq!(sum(&window), (1, 0, 0));
    }
}

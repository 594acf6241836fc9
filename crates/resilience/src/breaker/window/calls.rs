//! The results of the last so many calls.

use std::num::NonZeroU32;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::window::Counts;

/// A ring with a slot for each call, and the sum of what stands in it. Each result takes the next slot and exchanges what
/// stood there; what came in and what went out go into the sum together, so that it is always that of the slots, give
/// or take the exchanges under way.
#[derive(Debug)]
pub(in super::super) struct Calls {
    next: AtomicU64,
    /// From the top: the generation, three bits of the result.
    slots: Box<[AtomicU64]>,
    /// From the top: slow calls (21 bits), failures (21), calls (22).
    sum: AtomicU64,
}

const CALL: u64 = 1;
const FAILURE: u64 = 2;
const SLOW: u64 = 4;
const RESULT: u64 = 7;
const FAILURES_AT: u32 = 22;
const SLOW_AT: u32 = 43;

impl Calls {
    pub(super) fn new(size: NonZeroU32) -> Self {
        Self {
            next: AtomicU64::new(0),
            slots: (0..size.get()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    pub(super) fn add(&self, generation: u32, failed: bool, slow: bool) {
        let result = CALL | if failed { FAILURE } else { 0 } | if slow { SLOW } else { 0 };
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len() as u64;
        self.exchange(&self.slots[place as usize], u64::from(generation) << 3 | result);
    }

    pub(super) fn sum(&self) -> Counts {
        let sum = self.sum.load(Ordering::Acquire);
        let part = |at: u32, bits: u32| sum >> at & ((1 << bits) - 1);
        Counts {
            calls: part(0, 22),
            failures: part(FAILURES_AT, 21),
            slow: part(SLOW_AT, 21),
        }
    }

    pub(super) fn clear(&self, generation: u32) {
        for slot in &self.slots {
            self.exchange(slot, u64::from(generation) << 3);
        }
    }

    /// A result of a generation that is over changes nothing.
    fn exchange(&self, slot: &AtomicU64, new: u64) {
        let mut old = slot.load(Ordering::Relaxed);
        loop {
            if is_older(new >> 3, old >> 3) {
                return;
            }
            match slot.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => old = now,
            }
        }
        let change = parts(new).wrapping_sub(parts(old));
        self.sum.fetch_add(change, Ordering::AcqRel);
    }
}

fn parts(slot: u64) -> u64 {
    let result = slot & RESULT;
    (result & CALL) | (result & FAILURE) >> 1 << FAILURES_AT | (result & SLOW) >> 2 << SLOW_AT
}

/// Generations have 28 bits and go round.
fn is_older(a: u64, b: u64) -> bool {
    const RING: u64 = (1 << 28) - 1;
    (b.wrapping_sub(a) & RING).wrapping_sub(1) < RING / 2
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

    #[test]
    fn generations_go_round() {
        assert!(is_older((1 << 28) - 1, 0) && !is_older(0, (1 << 28) - 1) && !is_older(5, 5));
    }
}

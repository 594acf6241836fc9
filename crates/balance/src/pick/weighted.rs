//! Smooth weighted round robin with exact shares.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use nines_base::Rng;
use smallvec::SmallVec;

use super::is_allowed;
use crate::{EndpointSet, Excluded, Slot};

/// The stride of weight 1. With 128 bits of time it takes longer than the sun has left until it overflows.
const SCALE: u128 = 1 << 40;

/// Stride scheduling (Waldspurger, Weihl 1995): each endpoint is due at equal distances of virtual time, inversely to
/// its weight, and the one that is due first is picked. Over any stretch each gets its share to within one pick, spread
/// evenly, in O(log n). The phases are random so that workers do not pick in step.
#[derive(Debug)]
pub(super) struct Weighted {
    slow_start: Duration,
    generation: Option<u64>,
    queue: BinaryHeap<Reverse<Due>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: u128,
    index: usize,
}

impl Weighted {
    pub(super) fn new(slow_start: Duration) -> Self {
        Self {
            slow_start,
            generation: None,
            queue: BinaryHeap::new(),
        }
    }

    pub(super) fn pick(
        &mut self,
        set: &EndpointSet,
        excluded: &Excluded,
        rng: &mut Rng,
        now: Instant,
    ) -> Option<usize> {
        if self.generation != Some(set.generation()) {
            self.rebuild(set, rng);
        }
        let due = self.take_allowed(set, excluded, now)?;
        let stride = self.stride(&set.slots()[due.index], now);
        self.queue.push(Reverse(Due {
            at: due.at + stride,
            index: due.index,
        }));
        Some(due.index)
    }

    /// Who is excluded or ejected keeps one of the turns that it misses. With all of them it would take nothing but its own
    /// turns when it is allowed again.
    fn take_allowed(&mut self, set: &EndpointSet, excluded: &Excluded, now: Instant) -> Option<Due> {
        let mut passed: SmallVec<[Due; 4]> = SmallVec::new();
        let mut found = None;
        while let Some(Reverse(due)) = self.queue.pop() {
            if is_allowed(set, due.index, excluded) {
                found = Some(due);
                break;
            }
            passed.push(due);
        }
        for mut due in passed {
            if let Some(found) = found {
                let stride = self.stride(&set.slots()[due.index], now);
                due.at = due.at.max(found.at.saturating_sub(stride));
            }
            self.queue.push(Reverse(due));
        }
        found
    }

    fn rebuild(&mut self, set: &EndpointSet, rng: &mut Rng) {
        self.generation = Some(set.generation());
        self.queue.clear();
        for index in set.first_choice() {
            let stride = SCALE / u128::from(set.slots()[index].weight);
            let at = (stride as f64 * rng.unit()) as u128;
            self.queue.push(Reverse(Due { at, index }));
        }
    }

    fn stride(&self, slot: &Slot, now: Instant) -> u128 {
        let stride = SCALE / u128::from(slot.weight);
        let share = slot.endpoint.slow_start_share(self.slow_start, now);
        if share < 1.0 {
            (stride as f64 / f64::from(share)) as u128
        } else {
            stride
        }
    }
}

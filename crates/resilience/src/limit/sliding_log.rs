//! Sliding log: remembers when each of the last `requests` was granted; one more may come when the oldest of them is a
//! period old.
//!
//! A ring of words, one for each request: its time in units of 16 ns, and in the low byte the lap in which the slot was
//! taken, so that of several threads which want the same slot one gets it and the others help to move on.
//!
//! **Bound.** `requests` in any period: two requests that took the same slot are at least a period apart, and there are
//! `requests` slots.

use std::num::NonZeroU32;
use std::time::Duration;

use crossbeam_utils::CachePadded;

use super::terms::Terms;
use super::{Granted, Limited, Standing, refused, standing};
use crate::Invalid;
use crate::invalid::ensure;
use crate::sync::atomic::{AtomicU64, Ordering};

const LAP: u64 = 0xff;
/// Nanoseconds of a unit of time.
const UNIT: u64 = 16;
/// A slot that nobody has taken: of the lap before the first.
const FREE: u64 = LAP;

#[derive(Debug)]
pub(super) struct Log {
    /// How many were granted.
    next: CachePadded<AtomicU64>,
    slots: Box<[AtomicU64]>,
}

impl Log {
    pub(super) fn new(requests: NonZeroU32) -> Self {
        Self {
            next: CachePadded::default(),
            slots: (0..requests.get()).map(|_| AtomicU64::new(FREE)).collect(),
        }
    }

    pub(super) fn check_size(&self, requests: NonZeroU32) -> Result<(), Invalid> {
        let fits = requests.get() as usize <= self.slots.len();
        let allowed = "at most what the log was made for: make a new limiter";
        ensure(fits, "rateLimits.rate", requests, allowed)
    }

    pub(super) fn check(&self, now: u64, n: u64, terms: &Terms) -> Result<Granted, Limited> {
        let used = || terms.requests - self.free(self.next.load(Ordering::Acquire), now, terms) + n;
        let refuse = |retry_after| Limited {
            standing: self.standing(now, terms),
            refused: refused(used(), retry_after, terms),
        };
        if n > terms.requests {
            return Err(refuse(None));
        }
        for _ in 0..n {
            self.take(now, terms).map_err(|wait| refuse(Some(wait)))?;
        }
        Ok(Granted {
            standing: self.standing(now, terms),
            wait: Duration::ZERO,
        })
    }

    pub(super) fn standing(&self, now: u64, terms: &Terms) -> Standing {
        let (next, size) = (self.next.load(Ordering::Acquire), self.slots.len() as u64);
        let newest = self.slots[(next + size - 1) as usize % self.slots.len()].load(Ordering::Relaxed);
        let reset = free_in(newest, now, terms.per);
        standing(self.free(next, now, terms), reset, terms)
    }

    /// Takes the slot of the oldest, or tells when it will be free.
    fn take(&self, now: u64, terms: &Terms) -> Result<(), u64> {
        let size = self.slots.len() as u64;
        loop {
            let next = self.next.load(Ordering::Acquire);
            let (slot, lap) = (&self.slots[(next % size) as usize], (next / size) & LAP);
            let seen = slot.load(Ordering::Acquire);
            if seen & LAP == lap {
                self.move_on(next);
                continue;
            }
            if let Some(wait) = self.wait(next, seen, now, terms) {
                return Err(wait);
            }
            let taken = now.div_ceil(UNIT) << 8 | lap;
            let swap = slot.compare_exchange(seen, taken, Ordering::AcqRel, Ordering::Relaxed);
            if swap.is_ok() {
                self.move_on(next);
                return Ok(());
            }
        }
    }

    /// With a quota below the log's size it is not the oldest slot's time that counts, but that of the request so many
    /// before.
    fn wait(&self, next: u64, oldest: u64, now: u64, terms: &Terms) -> Option<u64> {
        let size = self.slots.len() as u64;
        let deciding = if terms.requests == size {
            oldest
        } else {
            let place = (next + size - terms.requests) % size;
            self.slots[place as usize].load(Ordering::Acquire)
        };
        let wait = free_in(deciding, now, terms.per).max(free_in(oldest, now, terms.per));
        (wait > 0).then_some(wait)
    }

    /// Whoever is first moves the ring on; the others find it done.
    fn move_on(&self, next: u64) {
        let _done_by_another = self
            .next
            .compare_exchange(next, next + 1, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// How many of the last requests are a period old: older ones stand further back, so that halving finds the border.
    fn free(&self, next: u64, now: u64, terms: &Terms) -> u64 {
        let size = self.slots.len() as u64;
        let is_used = |back: u64| {
            let slot = &self.slots[((next + size - back) % size) as usize];
            free_in(slot.load(Ordering::Relaxed), now, terms.per) > 0
        };
        let (mut used, mut free) = (0, terms.requests + 1);
        while used + 1 < free {
            let middle = used.midpoint(free);
            if is_used(middle) {
                used = middle;
            } else {
                free = middle;
            }
        }
        terms.requests - used
    }
}

/// How long until a slot's request is a period old.
fn free_in(slot: u64, now: u64, per: u64) -> u64 {
    if slot == FREE {
        return 0;
    }
    ((slot >> 8) * UNIT).saturating_add(per).saturating_sub(now)
}

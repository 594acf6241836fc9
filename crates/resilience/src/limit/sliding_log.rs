//! Sliding log: remembers when each of the last `requests` was granted; one more may come when the oldest of them is a
//! period old.
//!
//! A ring of words, one for each request: its time in units of 16 ns, and in the low byte the lap in which the slot was
//! taken, so that of several threads which want the same slot one gets it and the others help to move on. Times stand in
//! order: who comes late counts as of the newest. A log that must
//! remember more is closed, copied into a larger one and exchanged; whoever meets it closed turns to the new one.
//!
//! **Bound.** `requests` in any period: two requests that took the same slot are at least a period apart, and there are
//! `requests` slots.

use std::num::NonZeroU32;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::terms::Terms;
use super::{Granted, Limited, Standing, refused, standing};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{ArcSwap, Mutex, hint};

const LAP: u64 = 0xff;
/// Nanoseconds of a unit of time.
const UNIT: u64 = 16;
/// A slot that nobody has taken: of the lap before the first.
const FREE: u64 = LAP;
/// The slot that was next when the ring was closed.
const SEALED: u64 = u64::MAX;
/// What is next in a closed ring.
const CLOSED: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Log {
    ring: ArcSwap<Ring>,
    growing: Mutex<()>,
}

#[derive(Debug)]
struct Ring {
    /// How many were granted.
    next: CachePadded<AtomicU64>,
    slots: Box<[AtomicU64]>,
}

/// What became of a request.
enum Take {
    Taken,
    /// There is no place for as many, since the slot of this number is next.
    Full(u64),
    /// The ring is closed.
    Closed,
}

impl Log {
    pub(super) fn new(requests: NonZeroU32) -> Self {
        Self {
            ring: ArcSwap::from_pointee(Ring::new(requests, &[])),
            growing: Mutex::new(()),
        }
    }

    /// Makes room for the times of so many requests, and forgets none.
    pub(super) fn make_room(&self, requests: NonZeroU32) {
        let _one_at_a_time = self.growing.lock();
        let ring = self.ring.load();
        if requests.get() as usize > ring.slots.len() {
            let times = ring.close();
            self.ring.store(Arc::new(Ring::new(requests, &times)));
        }
    }

    pub(super) fn check(&self, now: u64, n: u64, terms: &Terms) -> Result<Granted, Limited> {
        let (mut ring, mut left) = (self.ring.load(), n);
        let refuse = |ring: &Ring, retry_after| {
            let standing = self.standing_in(ring, now, terms);
            let used = terms.requests - standing.remaining + n;
            let refused = refused(used, retry_after, terms);
            Err(Limited { standing, refused })
        };
        if n > terms.requests {
            return refuse(&ring, None);
        }
        while left > 0 {
            match ring.take(now, left, terms) {
                Take::Taken => left -= 1,
                Take::Full(next) => return refuse(&ring, Some(ring.wait(next, n, now, terms))),
                Take::Closed => {
                    hint::spin_loop();
                    ring = self.ring.load();
                }
            }
        }
        Ok(Granted::at_once(self.standing_in(&ring, now, terms)))
    }

    pub(super) fn standing(&self, now: u64, terms: &Terms) -> Standing {
        self.standing_in(&self.ring.load(), now, terms)
    }

    /// In this ring, or in the next if it is closed.
    fn standing_in(&self, ring: &Ring, now: u64, terms: &Terms) -> Standing {
        ring.standing(now, terms).unwrap_or_else(|| {
            hint::spin_loop();
            self.standing(now, terms)
        })
    }
}

impl Ring {
    /// With these requests in it already, the oldest first, of which there are no more than slots.
    fn new(requests: NonZeroU32, times: &[u64]) -> Self {
        let taken = times.iter().map(|time| AtomicU64::new(time << 8));
        let free = std::iter::repeat_with(|| AtomicU64::new(FREE));
        Self {
            next: CachePadded::new(AtomicU64::new(times.len() as u64)),
            slots: taken.chain(free).take(requests.get() as usize).collect(),
        }
    }

    /// Nobody takes a slot from now on. The times of those that were taken, the oldest first.
    fn close(&self) -> Vec<u64> {
        let (next, size) = (self.next.swap(CLOSED, Ordering::AcqRel), self.size());
        let (slot, lap) = self.at(next);
        let oldest = slot.load(Ordering::Acquire);
        // Somebody may have taken the slot, and not come to move on; or be about to.
        let sealed = oldest & LAP != lap
            && slot
                .compare_exchange(oldest, SEALED, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        let first = if sealed { oldest } else { FREE };
        let rest = (next + 1..next + size).map(|place| self.at(place).0.load(Ordering::Acquire));
        let last = if sealed { FREE } else { slot.load(Ordering::Acquire) };
        let all = std::iter::once(first).chain(rest).chain([last]);
        all.filter(|word| *word != FREE).map(|word| word >> 8).collect()
    }

    /// None once the ring is closed.
    fn standing(&self, now: u64, terms: &Terms) -> Option<Standing> {
        let next = self.next.load(Ordering::Acquire);
        if next == CLOSED {
            return None;
        }
        let reset = free_in(self.newest(next), now, terms.per);
        Some(standing(self.free(next, now, terms), reset, terms))
    }

    /// Takes the slot of the oldest, if there are places for all that are left.
    fn take(&self, now: u64, left: u64, terms: &Terms) -> Take {
        loop {
            let next = self.next.load(Ordering::Acquire);
            if next == CLOSED {
                return Take::Closed;
            }
            let (slot, lap) = self.at(next);
            let seen = slot.load(Ordering::Acquire);
            if seen == SEALED {
                return Take::Closed;
            }
            if seen & LAP == lap {
                self.move_on(next);
                continue;
            }
            let last = self.last_of(next, left, terms);
            let deciding = if last == next {
                seen
            } else {
                self.at(last).0.load(Ordering::Acquire)
            };
            if free_in(deciding, now, terms.per) > 0 {
                // What was read counts if nobody has moved on meanwhile.
                if last == next || slot.load(Ordering::Acquire) == seen {
                    return Take::Full(next);
                }
                continue;
            }
            let time = now.div_ceil(UNIT).max(time_of(self.newest(next)));
            let swap = slot.compare_exchange(seen, time << 8 | lap, Ordering::AcqRel, Ordering::Relaxed);
            if swap.is_ok() {
                self.move_on(next);
                return Take::Taken;
            }
        }
    }

    /// How long until `n` have a place.
    fn wait(&self, next: u64, n: u64, now: u64, terms: &Terms) -> u64 {
        let (slot, _) = self.at(self.last_of(next, n, terms));
        free_in(slot.load(Ordering::Acquire), now, terms.per)
    }

    /// Where the last of the `n` oldest requests that count stands: once it is a period old, `n` have a place. With a
    /// quota below the log's size the oldest do not count.
    fn last_of(&self, next: u64, n: u64, terms: &Terms) -> u64 {
        let requests = terms.requests.min(self.size());
        next + self.size() - requests + n.min(requests) - 1
    }

    /// The slot that was taken last.
    fn newest(&self, next: u64) -> u64 {
        self.at(next + self.size() - 1).0.load(Ordering::Acquire)
    }

    /// Whoever is first moves the ring on; the others find it done.
    fn move_on(&self, next: u64) {
        let _done_by_another = self
            .next
            .compare_exchange(next, next + 1, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// How many of the last requests are a period old: older ones stand further back, so that halving finds the border.
    fn free(&self, next: u64, now: u64, terms: &Terms) -> u64 {
        let size = self.size();
        let requests = terms.requests.min(size);
        let is_used = |back: u64| {
            let (slot, _) = self.at(next + size - back);
            free_in(slot.load(Ordering::Relaxed), now, terms.per) > 0
        };
        let (mut used, mut free) = (0, requests + 1);
        while used + 1 < free {
            let middle = used.midpoint(free);
            if is_used(middle) {
                used = middle;
            } else {
                free = middle;
            }
        }
        requests - used
    }

    fn size(&self) -> u64 {
        self.slots.len() as u64
    }

    /// The slot for the request of that number, and its lap.
    fn at(&self, place: u64) -> (&AtomicU64, u64) {
        let slot = &self.slots[(place % self.size()) as usize];
        (slot, (place / self.size()) & LAP)
    }
}

/// How long until a slot's request is a period old.
fn free_in(slot: u64, now: u64, per: u64) -> u64 {
    if slot == FREE {
        return 0;
    }
    (time_of(slot) * UNIT).saturating_add(per).saturating_sub(now)
}

/// In units; of a slot that nobody has taken the beginning.
fn time_of(slot: u64) -> u64 {
    slot >> 8
}

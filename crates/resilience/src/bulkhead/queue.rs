//! Who waits, the earliest deadline first.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Instant;

/// The earliest deadline first, none last; among equals the first to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    without_deadline: bool,
    deadline: Option<Instant>,
    number: u64,
}

/// A place in the queue. Its owner polls it and leaves it.
#[derive(Debug)]
pub(super) struct Place(Rank);

/// Who is to be woken, once it has been polled.
#[derive(Debug, Default)]
pub(super) struct Waiter(Option<Waker>);

/// The waiters. One that was given a slot is no longer among them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiters: BTreeMap<Rank, Waiter>,
    next: u64,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(super) fn join(&mut self, deadline: Option<Instant>) -> Place {
        let rank = Rank {
            without_deadline: deadline.is_none(),
            deadline,
            number: self.next,
        };
        self.next += 1;
        self.waiters.insert(rank, Waiter::default());
        Place(rank)
    }

    /// Gives the first a slot. Its waker is for the caller to call, without the lock: nobody knows what it does.
    #[must_use]
    pub(super) fn admit_first(&mut self) -> Option<Waker> {
        self.waiters.pop_first().and_then(|(_, waiter)| waiter.0)
    }

    /// Whether the place still waits; if so its owner is woken by this waker once it has a slot, and the one before is
    /// left in its place, to be dropped without the lock.
    #[must_use]
    pub(super) fn swap_waker(&mut self, place: &Place, waker: &mut Option<Waker>) -> bool {
        let waiter = self.waiters.get_mut(&place.0);
        waiter.map(|waiter| std::mem::swap(&mut waiter.0, waker)).is_some()
    }

    /// Leaves; `None` if the place had been given a slot. The waiter is for the caller to drop, without the lock.
    #[must_use]
    pub(super) fn leave(&mut self, place: &Place) -> Option<Waiter> {
        self.waiters.remove(&place.0)
    }
}

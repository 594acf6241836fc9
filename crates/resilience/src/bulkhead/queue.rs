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

/// The waiters. One that was given a slot is no longer among them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiters: BTreeMap<Rank, Option<Waker>>,
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
        self.waiters.insert(rank, None);
        Place(rank)
    }

    /// Gives the first a slot. Its waker is for the caller to call, without the lock: nobody knows what it does.
    #[must_use]
    pub(super) fn admit_first(&mut self) -> Option<Waker> {
        self.waiters.pop_first().and_then(|(_, waker)| waker)
    }

    /// Whether the place was given a slot; if not its owner is woken when it is.
    pub(super) fn poll(&mut self, place: &Place, waker: &Waker) -> bool {
        let Some(known) = self.waiters.get_mut(&place.0) else {
            return true;
        };
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
        false
    }

    /// Leaves; tells whether the place had been given a slot.
    pub(super) fn leave(&mut self, place: &Place) -> bool {
        self.waiters.remove(&place.0).is_none()
    }
}

//! Which leases live and until when. Pure: the time is an argument.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::types::LeaseId;

/// The leases that live, in memory. What is on disk is only that they exist and their time to live: after a restart
/// each has its whole time again, because nobody could keep it alive while the store was down.
#[derive(Debug, Default)]
pub(super) struct Leases {
    by_id: HashMap<LeaseId, Entry>,
    by_deadline: BTreeSet<(Instant, LeaseId)>,
}

#[derive(Debug)]
struct Entry {
    ttl: Duration,
    deadline: Instant,
    /// Its end is decided and on its way to disk.
    ending: bool,
}

impl Leases {
    /// Starts the life of a lease.
    pub(super) fn grant(&mut self, id: LeaseId, ttl: Duration, now: Instant) {
        let deadline = now + ttl;
        self.remove(id);
        self.by_deadline.insert((deadline, id));
        self.by_id.insert(
            id,
            Entry {
                ttl,
                deadline,
                ending: false,
            },
        );
    }

    /// Gives a lease its whole time again; `None` when it does not exist or its end is decided.
    pub(super) fn keep_alive(&mut self, id: LeaseId, now: Instant) -> Option<Duration> {
        let entry = self
            .by_id
            .get_mut(&id)
            .filter(|entry| !entry.ending && entry.deadline > now)?;
        self.by_deadline.remove(&(entry.deadline, id));
        entry.deadline = now + entry.ttl;
        self.by_deadline.insert((entry.deadline, id));
        Some(entry.ttl)
    }

    /// Takes up to `max` leases whose time is over, the oldest first; from now on they cannot be kept alive.
    pub(super) fn expire(&mut self, now: Instant, max: usize) -> Vec<LeaseId> {
        let due = self.by_deadline.iter().take_while(|(deadline, _)| *deadline <= now);
        let due: Vec<_> = due.take(max).copied().collect();
        for key in &due {
            self.by_deadline.remove(key);
            if let Some(entry) = self.by_id.get_mut(&key.1) {
                entry.ending = true;
            }
        }
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// The end of a lease did not reach the disk: try again at `at`. It stays beyond keeping alive.
    pub(super) fn retry(&mut self, id: LeaseId, at: Instant) {
        if let Some(entry) = self.by_id.get_mut(&id).filter(|entry| entry.ending) {
            self.by_deadline.remove(&(entry.deadline, id));
            entry.deadline = at;
            self.by_deadline.insert((at, id));
        }
    }

    /// Forgets a lease.
    pub(super) fn remove(&mut self, id: LeaseId) {
        if let Some(entry) = self.by_id.remove(&id) {
            self.by_deadline.remove(&(entry.deadline, id));
        }
    }

    /// Whether a key may hang on it.
    pub(super) fn lives(&self, id: LeaseId) -> bool {
        self.by_id.get(&id).is_some_and(|entry| !entry.ending)
    }

    /// Whether it is known at all.
    pub(super) fn contains(&self, id: LeaseId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// When the next one ends.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

#[cfg(test)]
mod tests;

//! What runs, and what has run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::present::Present;
use crate::layer::bulkhead::Held;
use crate::layer::now;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Since the beginning.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) done: Counter,
    pub(super) panicked: Counter,
    pub(super) refused: Counter,
    pub(super) late: Counter,
    pub(super) cancelled: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

/// The jobs under way, by number: the least began first.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<Jobs>);

#[derive(Debug, Default)]
struct Jobs {
    next: u64,
    live: BTreeMap<u64, (&'static str, Instant)>,
}

/// A job under way and its place, which is free when this is dropped, before the pool may take itself for idle.
pub(super) struct Live {
    number: u64,
    _held: Held,
    present: Present,
}

impl Counter {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Running {
    pub(super) fn names(&self) -> BTreeMap<&'static str, u32> {
        let mut names = BTreeMap::new();
        for (name, _) in self.0.lock().live.values() {
            *names.entry(*name).or_default() += 1;
        }
        names
    }

    pub(super) fn longest(&self, now: Instant) -> Option<(&'static str, Duration)> {
        let jobs = self.0.lock();
        let (name, since) = jobs.live.first_key_value()?.1;
        Some((name, now.saturating_duration_since(*since)))
    }
}

impl Live {
    pub(super) fn enter(present: Present, name: &'static str, held: Held) -> Self {
        let mut jobs = present.pool().running.0.lock();
        let number = jobs.next;
        jobs.next += 1;
        jobs.live.insert(number, (name, now()));
        drop(jobs);
        Self {
            number,
            _held: held,
            present,
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.present.pool().running.0.lock().live.remove(&self.number);
    }
}

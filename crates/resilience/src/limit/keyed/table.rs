//! The slots.

use std::hint;

use super::Keys;
use crate::limit::terms::Terms;
use crate::limit::{Decision, Granted, Limited, answer, convert_in, decide, idle_at, is_idle};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

const WAYS: usize = 8;
const LOCKS: usize = if cfg!(feature = "loom") { 1 } else { 256 };
/// Nobody's slot.
const FREE: u64 = 0;
/// A slot that is changing hands.
const BUSY: u64 = 1;

#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[Set]>,
    /// Each for the newcomers of every so many sets.
    locks: Box<[Mutex<()>]>,
    evicted: AtomicU64,
}

/// Two cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Set([Slot; WAYS]);

/// A slot's state is written with its first request before its owner can be seen, and is another one than any idle state
/// before it: so a compare-and-swap that was prepared for an idle owner before fails, and his request is judged anew.
#[derive(Debug, Default)]
struct Slot {
    owner: AtomicU64,
    state: AtomicU64,
}

impl Table {
    pub(super) fn new(capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS);
        Self {
            sets: (0..sets).map(|_| Set::default()).collect(),
            locks: (0..LOCKS.min(sets)).map(|_| Mutex::new(())).collect(),
            evicted: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(super) fn decide(&self, key: u64, now: u64, n: u64, terms: &Terms) -> Result<Granted, Limited> {
        let (place, owner) = (self.place(key), owner(key));
        let set = &self.sets[place];
        if let Some(decision) = set.decide(owner, now, n, terms) {
            return answer(decision, terms);
        }
        let first = decide(0, now, n, terms);
        let Decision::Grant { state, .. } = first else {
            return answer(first, terms);
        };
        if n == 0 {
            return answer(first, terms);
        }
        self.welcome(place, owner, now, n, (state, first), terms)
    }

    /// Gives a new key a slot, with its first request in it.
    #[cold]
    fn welcome(
        &self,
        place: usize,
        owner: u64,
        now: u64,
        n: u64,
        (state, first): (u64, Decision),
        terms: &Terms,
    ) -> Result<Granted, Limited> {
        let set = &self.sets[place];
        let _one_at_a_time = self.locks[place % self.locks.len()].lock();
        loop {
            // Somebody may have brought the same key in meanwhile.
            if let Some(decision) = set.decide(owner, now, n, terms) {
                return answer(decision, terms);
            }
            let (slot, seen, idle) = set.victim(now, terms);
            let before = slot.owner.load(Ordering::Relaxed);
            slot.owner.store(BUSY, Ordering::Relaxed);
            let swap = slot
                .state
                .compare_exchange(seen, state, Ordering::AcqRel, Ordering::Relaxed);
            if swap.is_err() {
                // The owner has just used it.
                slot.owner.store(before, Ordering::Release);
                hint::spin_loop();
                continue;
            }
            slot.owner.store(owner, Ordering::Release);
            if !idle {
                self.evicted.fetch_add(1, Ordering::Relaxed);
            }
            return answer(first, terms);
        }
    }

    pub(super) fn convert(&self, now: u64, before: &Terms, after: &Terms) {
        for slot in self.sets.iter().flat_map(|set| &set.0) {
            convert_in(&slot.state, now, before, after);
        }
    }

    pub(super) fn keys(&self) -> Keys {
        let slots = self.sets.iter().flat_map(|set| &set.0);
        Keys {
            len: slots.filter(|slot| slot.owner.load(Ordering::Relaxed) != FREE).count(),
            capacity: self.sets.len() * WAYS,
            evicted: self.evicted.load(Ordering::Relaxed),
            memory_bytes: size_of_val(&*self.sets) + size_of_val(&*self.locks),
        }
    }

    /// By the high bits; the fingerprint is all of them.
    #[inline]
    fn place(&self, key: u64) -> usize {
        ((u128::from(key) * self.sets.len() as u128) >> 64) as usize
    }
}

impl Set {
    /// The decision of a key that is there.
    #[inline]
    fn decide(&self, owner: u64, now: u64, n: u64, terms: &Terms) -> Option<Decision> {
        let slot = self.0.iter().find(|slot| slot.owner.load(Ordering::Acquire) == owner)?;
        loop {
            let seen = slot.state.load(Ordering::Acquire);
            if slot.owner.load(Ordering::Acquire) != owner {
                return None;
            }
            let decision = decide(seen, now, n, terms);
            let Decision::Grant { state, .. } = decision else {
                return Some(decision);
            };
            let swap = slot
                .state
                .compare_exchange_weak(seen, state, Ordering::AcqRel, Ordering::Relaxed);
            if swap.is_ok() {
                return Some(decision);
            }
        }
    }

    /// A slot for a new key: the one that says least.
    fn victim(&self, now: u64, terms: &Terms) -> (&Slot, u64, bool) {
        let slots = self.0.iter().map(|slot| {
            let state = slot.state.load(Ordering::Acquire);
            let free = slot.owner.load(Ordering::Relaxed) == FREE;
            (slot, state, free || is_idle(state, now, terms))
        });
        slots
            .min_by_key(|(_, state, idle)| (!idle, idle_at(*state, terms)))
            .expect("a set has slots")
    }
}

/// Neither of the two that mean something else.
#[inline]
fn owner(key: u64) -> u64 {
    if key <= BUSY { key + 2 } else { key }
}

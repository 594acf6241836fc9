//! The slots.

use super::Keys;
use crate::limit::terms::Terms;
use crate::limit::{Decision, Granted, Limited, convert_in, decide, granted, limited, refuse, used};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, hint};

const WAYS: usize = if cfg!(feature = "loom") { 2 } else { 8 };
const LOCKS: usize = if cfg!(feature = "loom") { 2 } else { 256 };
/// Nobody's slot.
const FREE: u64 = 0;
/// A slot that is changing hands.
const BUSY: u64 = 1;

#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[Set]>,
    /// Each for the newcomers among a part of the keys, so that no key comes in twice.
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

/// A slot that may be taken, as it was seen.
struct Victim<'a> {
    slot: &'a Slot,
    owner: u64,
    state: u64,
    /// 0 of one that is idle.
    used: u64,
}

/// A request of a key.
#[derive(Clone, Copy)]
struct Request<'a> {
    owner: u64,
    now: u64,
    n: u64,
    terms: &'a Terms,
}

impl Table {
    pub(super) fn new(capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS);
        Self {
            sets: (0..sets).map(|_| Set::default()).collect(),
            locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
            evicted: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(super) fn decide(&self, owner: u64, now: u64, n: u64, terms: &Terms) -> Result<Granted, Limited> {
        let request = Request { owner, now, n, terms };
        let sets = self.sets_of(owner);
        if let Some(answer) = sets.iter().find_map(|set| set.decide(&request)) {
            return answer;
        }
        self.newcomer(sets, &request)
    }

    /// A key that is not there: its first request, in a slot.
    #[cold]
    fn newcomer(&self, sets: [&Set; 2], request: &Request<'_>) -> Result<Granted, Limited> {
        let Request { owner, now, n, terms } = *request;
        let (state, wait) = match decide(0, now, n, terms) {
            Decision::Grant { state, wait } => (state, wait),
            Decision::Refuse { used, retry_after, .. } => return Err(limited(0, used, retry_after, now, *terms)),
        };
        let _one_at_a_time = self.locks[owner as usize % self.locks.len()].lock();
        loop {
            let owners = sets.map(Set::owners);
            let owners = owners.as_flattened();
            let is_here = owners.contains(&owner);
            // Somebody may have brought the same key in meanwhile.
            if is_here && let Some(answer) = sets.iter().find_map(|set| set.decide(request)) {
                return answer;
            }
            // A slot that is changing hands may be this very key's, and stay so: two slots would be two quotas.
            if is_here || owners.contains(&BUSY) {
                hint::spin_loop();
                continue;
            }
            let victim = victim(sets, now, terms);
            if !victim.take(owner, state) {
                continue;
            }
            if victim.used > 0 {
                self.evicted.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(granted(state, wait, now, terms));
        }
    }

    /// The state of a key, that of a fresh one if it is not there.
    pub(super) fn state(&self, owner: u64) -> u64 {
        let state = self.sets_of(owner).iter().find_map(|set| set.state_of(owner));
        state.unwrap_or_default()
    }

    /// Makes the states of these owners fit other terms.
    pub(super) fn convert(&self, now: u64, before: &Terms, after: &Terms, is_concerned: impl Fn(u64) -> bool) {
        let slots = self.sets.iter().flat_map(|set| &set.0);
        for slot in slots.filter(|slot| is_concerned(slot.owner.load(Ordering::Relaxed))) {
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

    /// By the high half and by the low half of the hash; the fingerprint is all of it.
    #[inline]
    fn sets_of(&self, owner: u64) -> [&Set; 2] {
        let place = |half: u64| ((half * self.sets.len() as u64) >> 32) as usize;
        [owner >> 32, owner & u64::from(u32::MAX)].map(|half| &self.sets[place(half)])
    }
}

impl Set {
    /// The decision of a key that is there.
    #[inline]
    fn decide(&self, request: &Request<'_>) -> Option<Result<Granted, Limited>> {
        let Request { owner, now, n, terms } = *request;
        let slot = self.slot_of(owner)?;
        loop {
            let seen = slot.state.load(Ordering::Acquire);
            if slot.owner.load(Ordering::Acquire) != owner {
                return None;
            }
            let (state, wait) = match decide(seen, now, n, terms) {
                Decision::Grant { state, wait } => (state, wait),
                Decision::Refuse {
                    settled,
                    used,
                    retry_after,
                } => return Some(Err(refuse(&slot.state, seen, settled, used, retry_after, now, *terms))),
            };
            let swap = slot
                .state
                .compare_exchange_weak(seen, state, Ordering::AcqRel, Ordering::Relaxed);
            if swap.is_ok() {
                return Some(Ok(granted(state, wait, now, terms)));
            }
        }
    }

    fn owners(&self) -> [u64; WAYS] {
        self.0.each_ref().map(|slot| slot.owner.load(Ordering::Acquire))
    }

    /// The state of a key that is there.
    fn state_of(&self, owner: u64) -> Option<u64> {
        let slot = self.slot_of(owner)?;
        let state = slot.state.load(Ordering::Acquire);
        (slot.owner.load(Ordering::Acquire) == owner).then_some(state)
    }

    #[inline]
    fn slot_of(&self, owner: u64) -> Option<&Slot> {
        self.0.iter().find(|slot| slot.owner.load(Ordering::Acquire) == owner)
    }

    fn victims(&self, now: u64, terms: &Terms) -> impl Iterator<Item = Victim<'_>> {
        self.0.iter().filter_map(move |slot| {
            let owner = slot.owner.load(Ordering::Acquire);
            let state = slot.state.load(Ordering::Acquire);
            (owner != BUSY).then_some(Victim {
                slot,
                owner,
                state,
                used: used(state, now, terms),
            })
        })
    }
}

/// An idle slot of the set that has more of them ("power of two choices", so that sets fill evenly); else the one that has
/// used least.
fn victim<'a>([first, second]: [&'a Set; 2], now: u64, terms: &Terms) -> Victim<'a> {
    loop {
        let idle = |set: &'a Set| set.victims(now, terms).filter(|victim| victim.used == 0).count();
        let sets = if idle(second) > idle(first) {
            [second, first]
        } else {
            [first, second]
        };
        let victims = sets.into_iter().flat_map(|set| set.victims(now, terms));
        // None where all are changing hands at this moment.
        if let Some(best) = victims.min_by_key(|victim| victim.used) {
            return best;
        }
        hint::spin_loop();
    }
}

impl Victim<'_> {
    /// Gives the slot to another owner, unless somebody else was quicker or its owner has used it just now.
    fn take(&self, owner: u64, state: u64) -> bool {
        let claim = self
            .slot
            .owner
            .compare_exchange(self.owner, BUSY, Ordering::AcqRel, Ordering::Relaxed);
        if claim.is_err() {
            return false;
        }
        let swap = self
            .slot
            .state
            .compare_exchange(self.state, state, Ordering::AcqRel, Ordering::Relaxed);
        let taken = swap.is_ok();
        self.slot
            .owner
            .store(if taken { owner } else { self.owner }, Ordering::Release);
        taken
    }
}

/// What a key's slot is marked with: neither of the two that mean something else.
#[inline]
pub(super) fn owner(key: u64) -> u64 {
    if key <= BUSY { key + 2 } else { key }
}

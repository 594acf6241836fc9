//! How many calls may be in flight, and who waits.
//!
//! Calls in flight and calls that wait are counted in one word. While nobody waits, entering and leaving is one
//! compare-and-swap each, without a lock. A call that finds all slots taken is refused, or waits in a queue of bounded
//! length, the earliest deadline first (among equals the first to come, those without deadline last). A slot that is
//! given back while somebody waits goes to him directly, so that nobody who comes later can take it before.
//!
//! The queue lies under a lock, which only calls that wait, and slots given back to them, take; nothing blocks for long
//! under it, and no thread ever sleeps in it. How long a call may wait is told by [`Enter::limit`]: whoever polls it also
//! keeps the timer, so that this core knows no clock. A waiter that is given a slot after its limit hands it on.
//!
//! **Bound.** Never more than `max_in_flight` in flight and `max_queue` waiting; after the limits were lowered the excess
//! drains first.

mod config;
mod enter;
mod queue;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nines_model::Cause;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::time::nanos;
use crate::{Evidence, Invalid, Measure, Refused};

pub use config::Config;
pub use enter::Enter;

use queue::{Place, Queue};

/// The right to be in flight. It goes back by [`Bulkhead::release`].
#[derive(Debug)]
#[must_use = "a slot goes back to its bulkhead by `release`"]
pub struct Slot(());

/// A bound of calls in flight.
#[derive(Debug)]
pub struct Bulkhead {
    /// Above, how many wait; below, how many are in flight.
    word: AtomicU64,
    max_in_flight: AtomicU32,
    max_queue: AtomicU32,
    max_wait: AtomicU64,
    queue: Mutex<Queue>,
}

/// A bulkhead as people look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    pub in_flight: u32,
    pub queued: u32,
    pub max_in_flight: u32,
    pub max_queue: u32,
    pub max_wait: Duration,
}

/// Whether a call is in, or where it waits.
#[derive(Debug)]
enum Entry {
    In(Slot),
    Waits(Place),
}

const WAITER: u64 = 1 << 32;

impl Bulkhead {
    /// An empty bulkhead.
    pub fn new(config: Config) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self {
            word: AtomicU64::new(0),
            max_in_flight: AtomicU32::new(config.max_in_flight),
            max_queue: AtomicU32::new(config.max_queue),
            max_wait: AtomicU64::new(nanos(config.max_wait)),
            queue: Mutex::new(Queue::default()),
        })
    }

    /// Enters, or is refused: it never waits.
    pub fn try_enter(&self) -> Result<Slot, Refused> {
        let most = self.max_in_flight.load(Ordering::Relaxed);
        let free = |word: u64| word < u64::from(most);
        self.take(free)
            .map_err(|word| refused(Measure::InFlight, f64::from(in_flight(word)), f64::from(most)))
    }

    /// Enters, or joins the queue, at once; it waits there until `deadline` at the latest. See [`Enter`].
    pub fn enter(self: &Arc<Self>, deadline: Option<Instant>, now: Instant) -> Enter {
        Enter::new(self.clone(), deadline, now)
    }

    /// Gives a slot back: to the first in the queue, if there is one. It must be a slot of this bulkhead: where another's is
    /// one more than are in flight here nothing changes, and debug builds panic.
    pub fn release(&self, _slot: Slot) {
        let mut word = self.word.load(Ordering::Relaxed);
        // While somebody waits the limit decides, and is compared under the lock only: were it raised between a comparison
        // here and the swap, the slot would be free and the waiter still in the queue.
        while waiting(word) == 0 {
            let Some(less) = one_less(word) else { return };
            match self
                .word
                .compare_exchange_weak(word, less, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(changed) => word = changed,
            }
        }
        self.hand_on();
    }

    /// Other limits while calls go on. If there is more room now, who waits comes in; he waits no longer than he was told.
    pub fn set_limits(&self, config: Config) -> Result<(), Invalid> {
        config.validate()?;
        let mut wakers = Vec::new();
        let mut queue = self.queue.lock();
        self.max_queue.store(config.max_queue, Ordering::Relaxed);
        self.max_wait.store(nanos(config.max_wait), Ordering::Relaxed);
        self.max_in_flight.store(config.max_in_flight, Ordering::Relaxed);
        while !queue.is_empty() {
            let room = |word: u64| in_flight(word) < config.max_in_flight;
            let admitted = self.update(|word| room(word).then(|| word + 1 - WAITER));
            if admitted.is_none() {
                break;
            }
            wakers.extend(queue.admit_first());
        }
        drop(queue);
        wakers.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// How many are in flight.
    pub fn in_flight(&self) -> u32 {
        in_flight(self.word.load(Ordering::Relaxed))
    }

    /// How many wait.
    pub fn queued(&self) -> u32 {
        waiting(self.word.load(Ordering::Relaxed))
    }

    /// The numbers, for people.
    pub fn snapshot(&self) -> Snapshot {
        let word = self.word.load(Ordering::Relaxed);
        Snapshot {
            in_flight: in_flight(word),
            queued: waiting(word),
            max_in_flight: self.max_in_flight.load(Ordering::Relaxed),
            max_queue: self.max_queue.load(Ordering::Relaxed),
            max_wait: self.max_wait(),
        }
    }

    fn max_wait(&self) -> Duration {
        Duration::from_nanos(self.max_wait.load(Ordering::Relaxed))
    }

    /// A slot, or a place in the queue. Whether there is a slot is decided together with the place, so that no slot can
    /// be given back unseen in between.
    fn join(&self, deadline: Option<Instant>) -> Result<Entry, Refused> {
        let most = self.max_in_flight.load(Ordering::Relaxed);
        let mut seen = match self.take(|word| word < u64::from(most)) {
            Ok(slot) => return Ok(Entry::In(slot)),
            Err(word) => word,
        };
        let longest = self.max_queue.load(Ordering::Relaxed);
        if longest == 0 {
            return Err(refused(Measure::InFlight, f64::from(in_flight(seen)), f64::from(most)));
        }
        let mut queue = self.queue.lock();
        let most = self.max_in_flight.load(Ordering::Relaxed);
        let joined = self.update(|word| {
            seen = word;
            match (in_flight(word) < most, waiting(word) < longest) {
                (true, _) if waiting(word) == 0 => Some(word + 1),
                (_, true) => Some(word + WAITER),
                (_, false) => None,
            }
        });
        match joined {
            Some(before) if in_flight(before) < most && waiting(before) == 0 => Ok(Entry::In(Slot(()))),
            Some(_) => Ok(Entry::Waits(queue.join(deadline))),
            None => Err(refused(Measure::Queue, f64::from(waiting(seen)), f64::from(longest))),
        }
    }

    /// Whether a waiter has a slot by now. Wakers are cloned and dropped without the lock: both run code of others, which
    /// may come back to this bulkhead.
    fn poll(&self, place: &Place, cx: &Context<'_>) -> Poll<Slot> {
        let mut waker = Some(cx.waker().clone());
        let waits = self.queue.lock().swap_waker(place, &mut waker);
        if waits { Poll::Pending } else { Poll::Ready(Slot(())) }
    }

    /// Leaves the queue; a slot that was given meanwhile is handed on.
    fn leave(&self, place: &Place) {
        let mut queue = self.queue.lock();
        let left = queue.leave(place);
        if left.is_some() {
            self.update(|word| Some(word - WAITER));
        }
        drop(queue);
        if left.is_none() {
            self.release(Slot(()));
        }
    }

    /// Takes a slot if the word allows it; else tells the word.
    fn take(&self, allowed: impl Fn(u64) -> bool) -> Result<Slot, u64> {
        let mut word = self.word.load(Ordering::Relaxed);
        while allowed(word) {
            let swap = self
                .word
                .compare_exchange_weak(word, word + 1, Ordering::AcqRel, Ordering::Relaxed);
            match swap {
                Ok(_) => return Ok(Slot(())),
                Err(changed) => word = changed,
            }
        }
        Err(word)
    }

    /// Gives the slot of a call that has ended to the first in the queue.
    fn hand_on(&self) {
        let mut queue = self.queue.lock();
        let most = self.max_in_flight.load(Ordering::Relaxed);
        let mut handed = false;
        self.update(|word| {
            handed = waiting(word) > 0 && in_flight(word) <= most;
            if handed { Some(word - WAITER) } else { one_less(word) }
        });
        let waker = if handed { queue.admit_first() } else { None };
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Changes the word; gives the one before.
    fn update(&self, change: impl FnMut(u64) -> Option<u64>) -> Option<u64> {
        self.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, change).ok()
    }
}

/// One call less in flight; `None` if there is none.
fn one_less(word: u64) -> Option<u64> {
    let some = in_flight(word) > 0;
    debug_assert!(some, "a slot goes back to the bulkhead that gave it");
    some.then(|| word - 1)
}

fn in_flight(word: u64) -> u32 {
    (word & (WAITER - 1)) as u32
}

fn waiting(word: u64) -> u32 {
    (word >> 32) as u32
}

fn refused(measure: Measure, value: f64, bound: f64) -> Refused {
    Refused {
        cause: Cause::Overloaded,
        evidence: Evidence {
            measure,
            value,
            bound,
            calls: 0,
        },
        retry_after: None,
    }
}

#[cfg(all(test, feature = "loom"))]
mod loom;
#[cfg(all(test, not(feature = "loom")))]
mod tests;

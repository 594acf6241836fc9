//! What retries and hedges together may add to the load.
//!
//! Every request earns `ratio` of an extra attempt, which expires after `window`; time earns `min_per_second` a second,
//! which expires after one second. Both are one **credit clock** `C`, a number that only grows, in ten-thousandths of
//! an attempt (so 0.6 is 0.6 and not, as in tower#857, 1). An extra attempt is admitted as GCRA admits a cell, with the
//! credit clock in place of the time: with `spent` the clock's mark up to which credit is used, and `expired` the clock's
//! value at the beginning of the window,
//!
//! ```text
//! next = max(spent, expired) + 1 attempt;   admit if next <= C, and set spent = next
//! ```
//!
//! in one compare-and-swap, so that threads cannot overdraw together (unlike a sum followed by a subtraction).
//!
//! **Bound.** Over any period of length `w`, at most `ratio * (requests in it and in the window before it)
//! + min_per_second * (w + 1 s)` extra attempts are granted, whatever the number of threads.
//!
//! A request is recorded by one addition to a counter of the thread's stripe; the first one of each tenth of the window
//! also notes how many requests there were before it.

use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use crate::Invalid;
use crate::invalid::ensure;
use crate::stripe;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::{Origin, nanos};

/// One extra attempt in units of credit: ratios are kept to four decimals.
const ATTEMPT: u64 = 10_000;
const SECOND: u64 = 1_000_000_000;
/// Slots of the window.
const SLOTS: u64 = 10;
/// Marks kept: a power of two over [`SLOTS`], so that the oldest of the window is not yet overwritten.
const MARKS: usize = 16;
/// Bits of a mark that hold requests; the others hold the slot. In one window there are fewer than 2^36 requests, and
/// 2^28 slots of 100 ms, the shortest, are 310 days without any request in between.
const COUNT_BITS: u32 = 36;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const SLOT_MASK: u64 = (1 << (64 - COUNT_BITS)) - 1;
/// A mark that is ahead by less than this many slots is newer, because the clock stepped back; by more, it is very old.
const MOST_BACK: u64 = 1 << 16;

/// How many extra attempts there may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetConfig {
    /// Extra attempts per request, from 0.0001 to 1; kept to four decimals. Default 0.2 (tower's, Finagle's and Linkerd's).
    pub ratio: f64,
    /// Extra attempts per second that are granted without any request, at most 10 000. Default 3.
    pub min_per_second: u32,
    /// How long a request counts, 1 s to 10 min. Default 10 s (tower's, Finagle's and Linkerd's).
    pub window: Duration,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            ratio: 0.2,
            min_per_second: 3,
            window: Duration::from_secs(10),
        }
    }
}

impl BudgetConfig {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let ratio = (0.0001..=1.0).contains(&self.ratio);
        ensure(ratio, "retry.budget.ratio", self.ratio, "0.0001 to 1")?;
        let floor = self.min_per_second;
        ensure(floor <= 10_000, "retry.budget.minPerSecond", floor, "0 to 10000")?;
        let window = (Duration::from_secs(1)..=Duration::from_secs(600)).contains(&self.window);
        ensure(window, "retry.budget.window", self.window, "1s to 10m")
    }
}

/// The budget of everything that shares it: usually all calls under one policy. It holds half a KiB and 128 bytes per
/// processor, at most 2.5 KiB.
#[derive(Debug)]
pub struct Budget {
    origin: Origin,
    ratio: u64,
    per_second: u64,
    slot_nanos: u64,
    requests: Box<[CachePadded<AtomicU64>]>,
    /// How many requests there had been when a slot began, by slot.
    marks: CachePadded<[AtomicU64; MARKS]>,
    /// Apart from what is only read, so that a storm of retries does not slow the recording of requests.
    used: CachePadded<Used>,
}

#[derive(Debug, Default)]
struct Used {
    /// The credit clock's value up to which credit is used.
    spent: AtomicU64,
    granted: AtomicU64,
    denied: AtomicU64,
}

/// A budget as people look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetSnapshot {
    /// Extra attempts that could be made now.
    pub available: f64,
    /// Requests that still count.
    pub requests: u64,
    /// Extra attempts granted since the beginning.
    pub granted: u64,
    /// Extra attempts refused since the beginning.
    pub denied: u64,
}

/// The credit clock at one moment.
#[derive(Debug, Clone, Copy)]
struct Credit {
    now: u64,
    expired: u64,
    requests: u64,
}

impl Budget {
    /// A budget in which no request has been seen; one second of the floor is there at once.
    pub fn new(config: BudgetConfig, now: Instant) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self {
            origin: Origin::new(now),
            ratio: (config.ratio * ATTEMPT as f64).round() as u64,
            per_second: u64::from(config.min_per_second),
            slot_nanos: nanos(config.window) / SLOTS,
            requests: (0..stripe::count()).map(|_| CachePadded::default()).collect(),
            marks: CachePadded::new(std::array::from_fn(|_| AtomicU64::new(0))),
            used: CachePadded::default(),
        })
    }

    /// Counts a first attempt. Retries and hedges do not count: they would earn their own repetition.
    pub fn record_request(&self, now: Instant) {
        let slot = self.slot(self.nanos(now));
        let mark = &self.marks[place(slot)];
        let marked = mark.load(Ordering::Relaxed);
        if slot_of(marked) != slot & SLOT_MASK {
            self.mark(slot, mark, marked);
        }
        self.requests[stripe::mine(self.requests.len())].fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one extra attempt, if there is credit for it, in one atomic step. There is no giving back: an attempt that
    /// was granted and not made costs its share of the window.
    #[must_use]
    pub fn try_withdraw(&self, now: Instant) -> bool {
        let credit = self.credit(now);
        let take = |spent: u64| {
            let next = spent.max(credit.expired).saturating_add(ATTEMPT);
            (next <= credit.now).then_some(next)
        };
        let granted = self
            .used
            .spent
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok();
        let counter = if granted { &self.used.granted } else { &self.used.denied };
        counter.fetch_add(1, Ordering::Relaxed);
        granted
    }

    /// What is left now.
    pub fn snapshot(&self, now: Instant) -> BudgetSnapshot {
        let credit = self.credit(now);
        let spent = self.used.spent.load(Ordering::Relaxed).max(credit.expired);
        BudgetSnapshot {
            available: credit.now.saturating_sub(spent) as f64 / ATTEMPT as f64,
            requests: credit.requests,
            granted: self.used.granted.load(Ordering::Relaxed),
            denied: self.used.denied.load(Ordering::Relaxed),
        }
    }

    /// Notes how many requests there were before this slot. Whoever loses the race leaves the other's note, and a clock
    /// that stepped back overwrites nothing newer.
    fn mark(&self, slot: u64, mark: &AtomicU64, marked: u64) {
        let ahead = slot_of(marked).wrapping_sub(slot) & SLOT_MASK;
        if ahead < MOST_BACK {
            return;
        }
        let note = (slot & SLOT_MASK) << COUNT_BITS | (self.total() & COUNT_MASK);
        // Released with the counters it was computed from, so that who reads the note finds at least as many requests.
        let _lost_is_fine = mark.compare_exchange(marked, note, Ordering::Release, Ordering::Relaxed);
    }

    fn credit(&self, now: Instant) -> Credit {
        let now = self.nanos(now);
        let (total, requests) = self.count(self.slot(now));
        let clock = |requests: u64, nanos: u64| {
            let earned = requests.saturating_mul(self.ratio);
            earned.saturating_add(self.floor(nanos))
        };
        Credit {
            now: clock(total, now),
            expired: clock(total - requests, now - SECOND),
            requests,
        }
    }

    /// All requests, and those of them in the window that ends with `slot`: since the oldest note in it, because a slot
    /// without a note had none. The note is read first, so that it is not ahead of the counters.
    fn count(&self, slot: u64) -> (u64, u64) {
        let mut window = slot - (SLOTS - 1)..=slot;
        let oldest = window.find_map(|slot| {
            let mark = self.marks[place(slot)].load(Ordering::Acquire);
            (slot_of(mark) == slot & SLOT_MASK).then_some(mark)
        });
        let total = self.total();
        let since = oldest.map_or(0, |mark| total.wrapping_sub(mark) & COUNT_MASK);
        (total, since.min(total))
    }

    fn floor(&self, nanos: u64) -> u64 {
        let units = u128::from(nanos) * u128::from(self.per_second * ATTEMPT) / u128::from(SECOND);
        u64::try_from(units).unwrap_or(u64::MAX / 2)
    }

    fn total(&self) -> u64 {
        self.requests.iter().map(|stripe| stripe.load(Ordering::Relaxed)).sum()
    }

    /// Nanoseconds on the budget's own scale, which begins late enough for a second and a window to lie before it.
    fn nanos(&self, now: Instant) -> u64 {
        self.origin.nanos(now) + SECOND + self.slot_nanos * MARKS as u64
    }

    fn slot(&self, nanos: u64) -> u64 {
        nanos / self.slot_nanos
    }
}

fn place(slot: u64) -> usize {
    slot as usize % MARKS
}

fn slot_of(mark: u64) -> u64 {
    mark >> COUNT_BITS
}

#[cfg(all(test, feature = "loom"))]
mod loom;
#[cfg(all(test, not(feature = "loom")))]
mod tests;

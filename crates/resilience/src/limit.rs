//! How many requests in a time.
//!
//! Five algorithms, a file each. Four keep their state in one word: a decision is a pure function of (state, time, quota),
//! and a compare-and-swap makes it atomic; [`Keyed`] is a table of such words. The fifth, the sliding log, keeps a word for
//! each request of its quota, and is not offered by key. No check allocates, and two rare ones may wait: a key that is not
//! in its table comes in under a lock, and who meets a log that is just being made larger spins until it is.
//!
//! | algorithm | bound over any period `t` (quota: `q` requests per `T`, burst `b`) |
//! |---|---|
//! | token bucket | `b + q * t / T` |
//! | leaky bucket | `b + q * t / T` begun; each is told how long to wait, so that they begin evenly |
//! | fixed window | `q` for each window that `t` touches: up to `2 q` in any `T` |
//! | sliding window | under `2 q` in any `T`, and that only if all of one window came at its end; `q` when they come evenly |
//! | sliding log | `q` in any `T` |
//!
//! The bounds hold for any number of threads, also where the time that one has read is up to ten seconds behind what the
//! others have. They are those of the terms in force; with other terms comes once more what these let through at once, less
//! what is kept of the use before. Terms are set one number after another: a check that runs meanwhile may see some of the
//! old and some of the new, and a window whose period is made shorter just then may begin anew once.

mod fixed_window;
mod gcra;
mod keyed;
mod leaky_bucket;
mod quota;
mod sliding_log;
mod sliding_window;
mod terms;
mod token_bucket;
mod window;

use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use nines_model::Cause;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::Origin;
use crate::{Evidence, Invalid, Measure, Refused};

pub use keyed::{Keyed, Keys, hash};
pub use quota::{Algorithm, Lease, Quota};

use sliding_log::Log;
use terms::{Given, Shared, Terms};

/// How much is left, for the RateLimit headers (draft-ietf-httpapi-ratelimit-headers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The most that is ever granted at one time; of a leaky bucket those that are told to wait among them.
    pub limit: u64,
    /// So many more would be granted now. For several at once [`Limiter::would_grant`] says the same, but that a leaky
    /// bucket lets no more than its burst go on together.
    pub remaining: u64,
    /// After so long without a request all of it is there again.
    pub reset: Duration,
}

/// A request within its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    pub standing: Standing,
    /// Go on after so long: nothing but for a leaky bucket. The place is reserved; whoever does not use it wastes it.
    pub wait: Duration,
}

/// A request beyond its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limited {
    pub standing: Standing,
    /// Its `retry_after` is when as many would be granted, if nobody else takes them and the terms stay as they are: exact
    /// to the nanosecond, rounded up (a sliding log keeps times to 16 ns). It is absent if no wait would help: more was asked
    /// for than is ever granted at once.
    pub refused: Refused,
}

/// One limit.
#[derive(Debug)]
pub struct Limiter {
    origin: Origin,
    shared: Shared,
    core: Core,
}

#[derive(Debug)]
enum Core {
    Cell(CachePadded<AtomicU64>),
    Log(Log),
}

/// What an algorithm says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Grant {
        /// The state with the request in it.
        state: u64,
        /// In nanoseconds.
        wait: u64,
    },
    Refuse {
        /// The state, unless it was astray: left far ahead by other terms, or by long idleness. Then one that time frees.
        settled: u64,
        /// Used, with what was asked for.
        used: u64,
        /// In nanoseconds; none if more was asked for than is ever granted at once.
        retry_after: Option<u64>,
    },
}

impl Granted {
    /// Without a wait.
    fn at_once(standing: Standing) -> Self {
        let wait = Duration::ZERO;
        Self { standing, wait }
    }
}

impl Limiter {
    /// A limit of which nothing is used.
    pub fn new(quota: Quota, now: Instant) -> Result<Self, Invalid> {
        let shared = Shared::new(quota)?;
        let core = match quota.algorithm {
            Algorithm::SlidingLog => Core::Log(Log::new(quota.requests)),
            _ => Core::Cell(CachePadded::default()),
        };
        Ok(Self {
            origin: Origin::new(now),
            shared,
            core,
        })
    }

    /// Whether one more request may be made.
    #[inline(always)]
    pub fn check(&self, now: Instant) -> Result<Granted, Limited> {
        self.check_n(1, now)
    }

    /// Whether `n` more requests may be made, all or none. None may always be made, and cost nothing. (The sliding log takes
    /// them one by one: where another thread comes between and they do not all fit, those before it stay taken.)
    #[inline(always)]
    pub fn check_n(&self, n: u32, now: Instant) -> Result<Granted, Limited> {
        if n == 0 {
            return Ok(Granted::at_once(self.standing(now)));
        }
        let now = self.origin.nanos(now);
        match &self.core {
            Core::Cell(cell) => decide_in(cell, now, u64::from(n), &self.shared.terms(now)),
            Core::Log(log) => log.check(now, u64::from(n), &self.shared.terms(now)),
        }
    }

    /// How much is left, without using any.
    pub fn standing(&self, now: Instant) -> Standing {
        let now = self.origin.nanos(now);
        let terms = self.shared.terms(now);
        match &self.core {
            Core::Cell(cell) => standing_of(cell.load(Ordering::Relaxed), now, &terms),
            Core::Log(log) => log.standing(now, &terms),
        }
    }

    /// Whether [`check_n`](Self::check_n) would grant so many now, without using any.
    pub fn would_grant(&self, n: u32, now: Instant) -> bool {
        let now = self.origin.nanos(now);
        let terms = self.shared.terms(now);
        match &self.core {
            Core::Cell(cell) => would_grant(cell.load(Ordering::Relaxed), now, n, &terms),
            Core::Log(log) => u64::from(n) <= log.standing(now, &terms).remaining,
        }
    }

    /// Another quota of the same algorithm, while requests go on. What is kept: of a bucket the time until it is full
    /// again, as far as the new quota lets it be empty; of a window its counts; of the log every request. A lease in force
    /// goes on by the new period and wait, and ends if it cannot. Memory of a log grows with the quota, and stays.
    pub fn set_quota(&self, quota: Quota, now: Instant) -> Result<(), Invalid> {
        let _alone = self.shared.setting();
        let next = self.shared.given(self.origin).with_quota(quota, now)?;
        self.change(next, now);
        Ok(())
    }

    /// A slice of a quota that many share, handed in from outside; see [`Lease`]. `None` ends it.
    pub fn set_lease(&self, lease: Option<Lease>, now: Instant) -> Result<(), Invalid> {
        let _alone = self.shared.setting();
        let next = self.shared.given(self.origin).with_lease(lease, now)?;
        self.change(next, now);
        Ok(())
    }

    fn change(&self, next: Given, now: Instant) {
        if let Core::Log(log) = &self.core {
            log.make_room(next.most_requests());
        }
        let now = self.origin.nanos(now);
        let (before, after) = self.shared.exchange(next, self.origin, now);
        if let Core::Cell(cell) = &self.core
            && is_converted(&before, &after)
        {
            convert_in(cell, now, &before, &after);
        }
    }
}

/// One decision, made atomic. The token bucket, which nearly every limit is, stands in line; the others are a call away,
/// so that what they need is not in its way.
#[inline(always)]
fn decide_in(cell: &AtomicU64, now: u64, n: u64, terms: &Terms) -> Result<Granted, Limited> {
    match terms.algorithm {
        Algorithm::TokenBucket => exchange(cell, now, terms, |state| token_bucket::decide(state, now, n, terms)),
        _ => decide_otherwise(cell, now, n, *terms),
    }
}

#[inline(never)]
fn decide_otherwise(cell: &AtomicU64, now: u64, n: u64, terms: Terms) -> Result<Granted, Limited> {
    exchange(cell, now, &terms, |state| decide(state, now, n, &terms))
}

#[inline(always)]
fn exchange(cell: &AtomicU64, now: u64, terms: &Terms, decide: impl Fn(u64) -> Decision) -> Result<Granted, Limited> {
    let mut seen = cell.load(Ordering::Relaxed);
    loop {
        match decide(seen) {
            Decision::Grant { state, wait } => {
                match cell.compare_exchange_weak(seen, state, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return Ok(granted(state, wait, now, terms)),
                    Err(changed) => seen = changed,
                }
            }
            Decision::Refuse {
                settled,
                used,
                retry_after,
            } => return Err(refuse(cell, seen, settled, used, retry_after, now, *terms)),
        }
    }
}

/// It takes the terms as a value and does not come back to decide, so that who is granted keeps them in registers.
#[cold]
fn refuse(
    cell: &AtomicU64,
    seen: u64,
    settled: u64,
    used: u64,
    retry_after: Option<u64>,
    now: u64,
    terms: Terms,
) -> Limited {
    if settled != seen {
        let _done_by_another = cell.compare_exchange(seen, settled, Ordering::AcqRel, Ordering::Relaxed);
    }
    limited(settled, used, retry_after, now, terms)
}

#[inline(always)]
fn decide(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    match terms.algorithm {
        Algorithm::TokenBucket => token_bucket::decide(state, now, n, terms),
        Algorithm::LeakyBucket => leaky_bucket::decide(state, now, n, terms),
        Algorithm::FixedWindow => fixed_window::decide(state, now, n, terms),
        Algorithm::SlidingWindow | Algorithm::SlidingLog => sliding_window::decide(state, now, n, terms),
    }
}

fn would_grant(state: u64, now: u64, n: u32, terms: &Terms) -> bool {
    n == 0 || matches!(decide(state, now, u64::from(n), terms), Decision::Grant { .. })
}

/// How much a state holds against its key, on a scale that only serves to compare states of the same terms; 0 says no more
/// than a fresh one.
fn used(state: u64, now: u64, terms: &Terms) -> u64 {
    match terms.algorithm {
        Algorithm::TokenBucket | Algorithm::LeakyBucket => gcra::used(state, now),
        Algorithm::FixedWindow => fixed_window::used(state, now, terms),
        Algorithm::SlidingWindow | Algorithm::SlidingLog => sliding_window::used(state, now, terms),
    }
}

#[inline(always)]
fn standing_of(state: u64, now: u64, terms: &Terms) -> Standing {
    let (remaining, reset) = match terms.algorithm {
        Algorithm::TokenBucket => token_bucket::standing(state, now, terms),
        Algorithm::LeakyBucket => leaky_bucket::standing(state, now, terms),
        Algorithm::FixedWindow => fixed_window::standing(state, now, terms),
        Algorithm::SlidingWindow | Algorithm::SlidingLog => sliding_window::standing(state, now, terms),
    };
    standing(remaining, reset, terms)
}

/// Makes a state fit other terms. Windows are numbered by their length: another length needs other numbers. A bucket that
/// slower terms left emptier than it can be under these would block for as long as they had it.
fn convert_in(cell: &AtomicU64, now: u64, before: &Terms, after: &Terms) {
    let convert = |state: u64| {
        let converted = match after.algorithm {
            Algorithm::TokenBucket | Algorithm::LeakyBucket => state.min(gcra::latest(now, after)),
            Algorithm::FixedWindow => fixed_window::convert(state, now, before, after),
            Algorithm::SlidingWindow | Algorithm::SlidingLog => sliding_window::convert(state, now, before, after),
        };
        (converted != state).then_some(converted)
    };
    let _nothing_to_convert = cell.fetch_update(Ordering::AcqRel, Ordering::Relaxed, convert);
}

/// Whether any state could need to be converted.
fn is_converted(before: &Terms, after: &Terms) -> bool {
    match after.algorithm {
        Algorithm::TokenBucket | Algorithm::LeakyBucket => gcra::latest(0, after) < gcra::latest(0, before),
        _ => before.per != after.per,
    }
}

#[inline(always)]
fn granted(state: u64, wait: u64, now: u64, terms: &Terms) -> Granted {
    Granted {
        standing: standing_of(state, now, terms),
        wait: Duration::from_nanos(wait),
    }
}

#[cold]
fn limited(state: u64, used: u64, retry_after: Option<u64>, now: u64, terms: Terms) -> Limited {
    Limited {
        standing: standing_of(state, now, &terms),
        refused: refused(used, retry_after, &terms),
    }
}

#[inline]
fn standing(remaining: u64, reset: u64, terms: &Terms) -> Standing {
    Standing {
        limit: terms.most(),
        remaining,
        reset: Duration::from_nanos(reset),
    }
}

fn refused(used: u64, retry_after: Option<u64>, terms: &Terms) -> Refused {
    Refused {
        cause: Cause::RateLimited,
        evidence: Evidence {
            measure: Measure::Requests,
            value: used as f64,
            bound: terms.most() as f64,
            calls: 0,
        },
        retry_after: retry_after.map(Duration::from_nanos),
    }
}

#[cfg(all(test, feature = "loom"))]
mod loom;
#[cfg(all(test, not(feature = "loom")))]
mod tests;

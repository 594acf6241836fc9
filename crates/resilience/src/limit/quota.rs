//! How much.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::Invalid;
use crate::invalid::ensure;

/// The limiting algorithms; their bounds stand at the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// A steady rate with bursts, by GCRA.
    #[default]
    TokenBucket,
    /// A steady rate; what comes ahead of its time is told how long to wait.
    LeakyBucket,
    /// Counts from the start of each period.
    FixedWindow,
    /// Counts this period and a share of the last one.
    SlidingWindow,
    /// Remembers the time of every request: exact, at eight bytes for each of `requests`. Not for keyed limits.
    SlidingLog,
}

/// So many requests in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub algorithm: Algorithm,
    /// Requests per `per`. At most 10^9 a second; of windows and logs at most 1,000,000.
    pub requests: NonZeroU32,
    /// 1 ms to 24 h.
    pub per: Duration,
    /// How many at once, of the bucket algorithms: at most 10,000,000, and what comes in a year; windows and logs do not look
    /// at it. A burst comes on top of the rate: the first period may see `requests + burst` (asked about as governor#39 and
    /// #16).
    pub burst: NonZeroU32,
    /// How long a leaky bucket may hold a request back, at most 1 h; one that would wait longer is refused.
    pub max_wait: Duration,
}

/// A slice of a quota that many processes share, handed in by whoever divides it. While it lasts it stands in place of
/// the limiter's own quota; when it ends unrenewed the limiter's own quota holds again, which should be the share that is
/// safe with nobody to ask: the whole divided by the number of processes. So the overshoot of a fleet that loses its
/// divider is at most what the leases allow until they end. A bucket that a lease of much slower terms left empty blocks,
/// once that has ended by itself, for up to ten seconds longer than its own quota would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Requests per period of the limiter's own quota.
    pub requests: NonZeroU32,
    /// How many at once.
    pub burst: NonZeroU32,
    /// When it ends.
    pub until: Instant,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const MOST_PER_SECOND: u128 = 1_000_000_000;
const MOST_COUNTED: u32 = 1_000_000;

impl Quota {
    /// A token bucket of so many requests a second, with a burst of one second's worth.
    pub fn per_second(requests: NonZeroU32) -> Self {
        Self {
            algorithm: Algorithm::TokenBucket,
            requests,
            per: Duration::from_secs(1),
            burst: requests,
            max_wait: Duration::ZERO,
        }
    }

    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let per = (Duration::from_millis(1)..=DAY).contains(&self.per);
        ensure(per, "rateLimits.per", self.per, "1ms to 24h")?;
        let requests = self.requests.get();
        let a_second = u128::from(requests) * 1_000_000_000 / self.per.as_nanos();
        ensure(
            a_second <= MOST_PER_SECOND,
            "rateLimits.rate",
            requests,
            "at most 1000000000 requests a second",
        )?;
        if !self.algorithm.is_bucket() {
            let allowed = "1 to 1000000 for windows and logs; a tokenBucket may have more";
            ensure(requests <= MOST_COUNTED, "rateLimits.rate", requests, allowed)?;
        }
        if self.algorithm.is_bucket() {
            let burst = self.burst.get();
            ensure(burst <= 10_000_000, "rateLimits.burst", burst, "1 to 10000000")?;
            let comes_in_a_year = self.per * burst / requests <= DAY * 365;
            ensure(
                comes_in_a_year,
                "rateLimits.burst",
                burst,
                "at most what comes in a year",
            )?;
        }
        let wait = self.max_wait <= Duration::from_secs(3600);
        ensure(wait, "rateLimits.maxWait", self.max_wait, "at most 1h")
    }
}

impl Algorithm {
    /// Whether it has a burst.
    pub fn is_bucket(self) -> bool {
        matches!(self, Algorithm::TokenBucket | Algorithm::LeakyBucket)
    }
}

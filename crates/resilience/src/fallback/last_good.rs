//! The last good answers, within bounds.
//!
//! Keys are spread over shards, each a map and a queue of its keys in the order in which their values were kept, behind
//! a lock that is held for a few steps. What is evicted is what was kept longest ago, which is also what is most stale,
//! so one queue serves age, number and bytes; each entry of it is pushed once and taken once (O(1) amortised). A value
//! that is younger than `refresh` is not kept again, so a key that answers 100,000 times a second is copied once.

mod shard;

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Invalid;
use crate::invalid::ensure;
use crate::time::{Origin, nanos};
use shard::{Bounds, Shard};

const MOST_SHARDS: usize = 16;
/// A shard is worth its own lock from so many entries on.
const SHARD_ENTRIES: usize = 256;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How many answers are kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastGoodConfig {
    /// The oldest answer that is given (`stale-if-error` of RFC 5861), at most a year. Default 10 min.
    pub max_age: Duration,
    /// Answers in all. Default 1024.
    pub max_entries: usize,
    /// Bytes of keys and values in all, by the weigh function. Default 16 MiB. One answer may weigh at most its shard's
    /// part, which is a sixteenth from 4096 entries on, and all of it below 512.
    pub max_bytes: usize,
    /// How old an answer is before it is replaced by a new one, at most `max_age`. Default 1 s; 0 keeps every one.
    pub refresh: Duration,
}

impl Default for LastGoodConfig {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(600),
            max_entries: 1024,
            max_bytes: 16 << 20,
            refresh: Duration::from_secs(1),
        }
    }
}

impl LastGoodConfig {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let age = !self.max_age.is_zero() && self.max_age <= YEAR;
        ensure(age, "fallback.maxAge", self.max_age, "over 0 and at most a year")?;
        let entries = (1..=10_000_000).contains(&self.max_entries);
        ensure(entries, "fallback.maxEntries", self.max_entries, "1 to 10000000")?;
        let bytes = self.max_bytes > 0;
        ensure(bytes, "fallback.maxBytes", self.max_bytes, "at least 1")?;
        let refresh = self.refresh <= self.max_age;
        ensure(refresh, "fallback.refresh", self.refresh, "at most fallback.maxAge")
    }
}

/// What became of an answer that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Kept {
    Yes,
    /// The one that is there is younger than `refresh`.
    Fresh,
    /// It weighs more than its shard may hold. The one before it stays.
    TooHeavy,
}

/// A cache as people look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastGoodSnapshot {
    pub entries: usize,
    pub bytes: usize,
    /// Answers that had to go for others or for their age.
    pub evicted: u64,
    /// Answers that weighed too much.
    pub too_heavy: u64,
}

/// A bounded cache of the last good answer by key.
pub struct LastGood<K, V> {
    origin: Origin,
    max_age: u64,
    refresh: u64,
    bounds: Bounds,
    weigh: fn(&K, &V) -> usize,
    /// Seeded, so that nobody outside can aim at one shard.
    hasher: RandomState,
    shards: Box<[Mutex<Shard<K, V>>]>,
}

impl<K: Hash + Eq + Clone, V: Clone> LastGood<K, V> {
    /// An empty cache. `weigh` says how many bytes a key and a value hold.
    pub fn new(config: LastGoodConfig, weigh: fn(&K, &V) -> usize, now: Instant) -> Result<Self, Invalid> {
        config.validate()?;
        let shards = (config.max_entries / SHARD_ENTRIES).clamp(1, MOST_SHARDS);
        let hasher = RandomState::new();
        Ok(Self {
            origin: Origin::new(now),
            max_age: nanos(config.max_age),
            refresh: nanos(config.refresh),
            bounds: Bounds {
                entries: config.max_entries / shards,
                bytes: config.max_bytes / shards,
            },
            weigh,
            shards: (0..shards).map(|_| Mutex::new(Shard::new(hasher.clone()))).collect(),
            hasher,
        })
    }

    /// The last good answer and its age, if that is within `max_age`.
    pub fn get(&self, key: &K, now: Instant) -> Option<(V, Duration)> {
        let now = self.origin.nanos(now);
        let (value, kept) = self.shard(key).lock().get(key)?;
        let age = now.saturating_sub(kept);
        (age <= self.max_age).then_some((value, Duration::from_nanos(age)))
    }

    /// Whether an answer to this key would be kept now.
    pub fn wants(&self, key: &K, now: Instant) -> bool {
        let now = self.origin.nanos(now);
        let kept = self.shard(key).lock().kept_at(key);
        kept.is_none_or(|kept| now.saturating_sub(kept) >= self.refresh)
    }

    /// Keeps an answer, and lets go of the oldest for it as far as the bounds ask.
    pub fn put(&self, key: K, value: V, now: Instant) -> Kept {
        let now = self.origin.nanos(now);
        let weight = (self.weigh)(&key, &value);
        let mut shard = self.shard(&key).lock();
        if shard
            .kept_at(&key)
            .is_some_and(|kept| now.saturating_sub(kept) < self.refresh)
        {
            return Kept::Fresh;
        }
        if weight > self.bounds.bytes {
            shard.too_heavy += 1;
            return Kept::TooHeavy;
        }
        shard.put(key, value, weight, now);
        shard.evict(self.bounds, now.saturating_sub(self.max_age));
        Kept::Yes
    }

    /// Forgets an answer, for example since it was withdrawn.
    pub fn remove(&self, key: &K) {
        self.shard(key).lock().remove(key);
    }

    /// What it holds.
    pub fn snapshot(&self) -> LastGoodSnapshot {
        self.shards.iter().fold(LastGoodSnapshot::default(), |sum, shard| {
            let shard = shard.lock();
            LastGoodSnapshot {
                entries: sum.entries + shard.len(),
                bytes: sum.bytes + shard.bytes(),
                evicted: sum.evicted + shard.evicted,
                too_heavy: sum.too_heavy + shard.too_heavy,
            }
        })
    }

    fn shard(&self, key: &K) -> &Mutex<Shard<K, V>> {
        // The upper half of the hash: the maps go by the lower.
        let hash = self.hasher.hash_one(key) >> 32;
        &self.shards[hash as usize % self.shards.len()]
    }
}

impl<K, V> fmt::Debug for LastGood<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastGood")
            .field("shards", &self.shards.len())
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

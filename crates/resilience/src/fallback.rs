//! What to answer when the callee cannot.
//!
//! A [`Chain`] is asked after everything else has failed, and its sources in order: a fixed value, the last good answer
//! to the same request within bounds of age, number and bytes ([`LastGood`]), another callee, the type's default. The
//! first that has something gives the answer, and every such answer is marked [`Degraded`], in the response's extensions
//! and in `x-nines-degraded`, so that nobody takes it for fresh.

mod degraded;
mod last_good;

use std::hash::Hash;
use std::time::Instant;

pub use degraded::{Degraded, HEADER, Source, Why};
pub use last_good::{Kept, LastGood, LastGoodConfig, LastGoodSnapshot};

/// One source of answers.
#[derive(Debug)]
pub enum Fallback<K, V> {
    /// Always this value.
    Static(V),
    /// The last good answer to the same key.
    LastGood(LastGood<K, V>),
    /// The caller asks another callee.
    Alternative,
    /// What the type has for nothing, for example `Vec::new`.
    Default(fn() -> V),
}

/// Sources in the order in which they are asked.
#[derive(Debug)]
pub struct Chain<K, V>(Vec<Fallback<K, V>>);

/// What a chain has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Answer<V> {
    /// This value, and the mark that goes with it.
    Value(V, Degraded),
    /// Ask the other callee, and put this mark on its answer. If it fails too, go on with [`Chain::after`].
    Alternative(Degraded, Position),
    /// Nothing: the failure stands.
    Nothing,
}

/// How far a chain has been asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position(usize);

impl<K: Hash + Eq + Clone, V: Clone> Chain<K, V> {
    /// The sources in order; without any, the failure always stands.
    pub fn new(sources: Vec<Fallback<K, V>>) -> Self {
        Self(sources)
    }

    /// The first answer there is, after a failure or refusal `why`.
    pub fn answer(&self, key: &K, why: Why, now: Instant) -> Answer<V> {
        self.from(0, key, why, now)
    }

    /// The next answer, after the alternative at `position` has failed too.
    pub fn after(&self, position: Position, key: &K, why: Why, now: Instant) -> Answer<V> {
        self.from(position.0 + 1, key, why, now)
    }

    /// Keeps a good answer for later, where a source does that. `value` is only made if it will be kept.
    pub fn keep(&self, key: &K, now: Instant, value: impl Fn() -> V) {
        for cache in self.caches() {
            if cache.wants(key, now) {
                // Too heavy means not kept, which the cache counts.
                let _kept = cache.put(key.clone(), value(), now);
            }
        }
    }

    /// Whether [`Chain::keep`] would keep an answer to this key now: a layer need not collect a body otherwise.
    pub fn wants(&self, key: &K, now: Instant) -> bool {
        self.caches().any(|cache| cache.wants(key, now))
    }

    fn caches(&self) -> impl Iterator<Item = &LastGood<K, V>> {
        self.0.iter().filter_map(|source| match source {
            Fallback::LastGood(cache) => Some(cache),
            Fallback::Static(_) | Fallback::Alternative | Fallback::Default(_) => None,
        })
    }

    fn from(&self, first: usize, key: &K, why: Why, now: Instant) -> Answer<V> {
        let sources = self.0.iter().enumerate().skip(first);
        let mut answers = sources.filter_map(|(place, source)| match source {
            Fallback::Static(value) => Some(Answer::Value(value.clone(), Degraded::new(Source::Static, why))),
            Fallback::LastGood(cache) => cache
                .get(key, now)
                .map(|(value, age)| Answer::Value(value, Degraded::aged(age, why))),
            Fallback::Alternative => Some(Answer::Alternative(
                Degraded::new(Source::Alternative, why),
                Position(place),
            )),
            Fallback::Default(make) => Some(Answer::Value(make(), Degraded::new(Source::Default, why))),
        });
        answers.next().unwrap_or(Answer::Nothing)
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

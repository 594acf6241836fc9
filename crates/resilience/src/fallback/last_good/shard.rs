//! One part of the cache.

use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, RandomState};

/// What one shard may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

pub(super) struct Shard<K, V> {
    entries: HashMap<K, Entry<V>, RandomState>,
    /// Keys in the order of keeping, with the number of the keeping; those whose number is no longer the entry's are
    /// passed over.
    order: VecDeque<(K, u64)>,
    next: u64,
    bytes: usize,
    pub(super) evicted: u64,
    pub(super) too_heavy: u64,
}

struct Entry<V> {
    value: V,
    weight: usize,
    kept: u64,
    number: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Shard<K, V> {
    pub(super) fn new(hasher: RandomState) -> Self {
        Self {
            entries: HashMap::with_hasher(hasher),
            order: VecDeque::new(),
            next: 0,
            bytes: 0,
            evicted: 0,
            too_heavy: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keys that queue, outdated ones included.
    #[cfg(all(test, not(feature = "loom")))]
    pub(super) fn queued(&self) -> usize {
        self.order.len()
    }

    pub(super) fn get(&self, key: &K) -> Option<(V, u64)> {
        let entry = self.entries.get(key)?;
        Some((entry.value.clone(), entry.kept))
    }

    pub(super) fn kept_at(&self, key: &K) -> Option<u64> {
        self.entries.get(key).map(|entry| entry.kept)
    }

    pub(super) fn put(&mut self, key: K, value: V, weight: usize, now: u64) {
        let number = self.next;
        self.next += 1;
        self.order.push_back((key.clone(), number));
        self.bytes += weight;
        let entry = Entry {
            value,
            weight,
            kept: now,
            number,
        };
        if let Some(before) = self.entries.insert(key, entry) {
            self.bytes -= before.weight;
        }
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.weight;
        }
    }

    /// Lets go of what was kept before `oldest`, and of the oldest until the bounds hold.
    pub(super) fn evict(&mut self, bounds: Bounds, oldest: u64) {
        while let Some((key, number)) = self.order.front() {
            let entry = self.entries.get(key).filter(|entry| entry.number == *number);
            let over = self.entries.len() > bounds.entries || self.bytes > bounds.bytes;
            match entry {
                Some(entry) if !over && entry.kept >= oldest => break,
                Some(_) => {
                    let key = key.clone();
                    self.remove(&key);
                    self.evicted += 1;
                }
                None => {}
            }
            self.order.pop_front();
        }
        self.compact();
    }

    /// Drops outdated keys from within the queue once they are the greater part of it.
    fn compact(&mut self) {
        if self.order.len() > 2 * self.entries.len() + 16 {
            let entries = &self.entries;
            let is_current = |key: &K, number: u64| entries.get(key).is_some_and(|entry| entry.number == number);
            self.order.retain(|(key, number)| is_current(key, *number));
        }
    }
}

//! Who is woken by a commit. Watches are indexed by the key or prefix that they follow, so a commit costs one look-up
//! for each distinct prefix length and touches only the watches that it concerns, however many others there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;

use super::log::Commit;
use crate::types::{Keys, Revision};

/// All open watches.
#[derive(Debug)]
pub(super) struct Hub {
    inner: Mutex<Inner>,
    count: Gauge,
}

#[derive(Debug, Default)]
struct Inner {
    published: Revision,
    closed: bool,
    next_id: u64,
    exact: HashMap<Bytes, Slots>,
    prefixes: HashMap<Bytes, Slots>,
    /// How many distinct prefixes have this length.
    lengths: BTreeMap<usize, usize>,
}

type Slots = HashMap<u64, Arc<Slot>>;

#[derive(Debug, Default)]
struct Slot {
    /// The first matching revision since the watch last looked; 0 is none. Changes only under the hub's lock.
    first: AtomicU64,
    wake: Notify,
}

/// A watch's place in the hub; dropping it gives it up.
#[derive(Debug)]
pub(super) struct Seat {
    hub: Arc<Hub>,
    keys: Keys,
    id: u64,
    slot: Arc<Slot>,
}

/// What a watch finds when it looks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Something matched: the first match and the newest revision.
    Matched { first: Revision, published: Revision },
    /// Nothing matched up to this revision.
    Quiet { published: Revision },
    /// The store is closed.
    Closed,
}

impl Hub {
    pub(super) fn new(published: Revision, count: Gauge) -> Self {
        let inner = Inner {
            published,
            ..Inner::default()
        };
        Self {
            inner: Mutex::new(inner),
            count,
        }
    }

    /// Takes a seat for `keys`; everything after the revision in the answer will be seen.
    pub(super) fn join(self: &Arc<Self>, keys: Keys) -> (Seat, Revision) {
        let slot = Arc::new(Slot::default());
        let mut inner = self.inner.lock();
        inner.next_id += 1;
        let id = inner.next_id;
        inner.slots(&keys).insert(id, slot.clone());
        self.count.inc();
        let seat = Seat {
            hub: self.clone(),
            keys,
            id,
            slot,
        };
        (seat, inner.published)
    }

    /// Tells the watches of new commits.
    pub(super) fn publish(&self, commits: &[Arc<Commit>]) {
        let mut inner = self.inner.lock();
        for commit in commits {
            inner.published = commit.revision;
            for event in &commit.events {
                inner.mark(event.key(), commit.revision);
            }
        }
    }

    /// Ends every watch.
    pub(super) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        let all = inner.exact.values().chain(inner.prefixes.values());
        all.flat_map(HashMap::values).for_each(|slot| slot.wake.notify_one());
    }
}

impl Inner {
    fn slots(&mut self, keys: &Keys) -> &mut Slots {
        match keys {
            Keys::One(key) => self.exact.entry(key.clone()).or_default(),
            Keys::Prefix(prefix) => {
                if !self.prefixes.contains_key(prefix) {
                    *self.lengths.entry(prefix.len()).or_default() += 1;
                }
                self.prefixes.entry(prefix.clone()).or_default()
            }
        }
    }

    fn leave(&mut self, keys: &Keys, id: u64) {
        let (Keys::One(key) | Keys::Prefix(key)) = keys;
        let map = match keys {
            Keys::One(_) => &mut self.exact,
            Keys::Prefix(_) => &mut self.prefixes,
        };
        let Some(slots) = map.get_mut(key) else { return };
        slots.remove(&id);
        if !slots.is_empty() {
            return;
        }
        map.remove(key);
        if let Keys::Prefix(_) = keys
            && let Some(count) = self.lengths.get_mut(&key.len())
        {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&key.len());
            }
        }
    }

    fn mark(&self, key: &[u8], revision: Revision) {
        let lengths = self.lengths.range(..=key.len()).map(|(length, _)| *length);
        let by_prefix = lengths.filter_map(|length| self.prefixes.get(&key[..length]));
        for slot in by_prefix.chain(self.exact.get(key)).flat_map(HashMap::values) {
            if slot.first.load(Ordering::Relaxed) == 0 {
                slot.first.store(revision, Ordering::Relaxed);
                slot.wake.notify_one();
            }
        }
    }
}

impl Seat {
    /// What happened since the last look.
    pub(super) fn look(&self) -> Look {
        let inner = self.hub.inner.lock();
        let published = inner.published;
        match self.slot.first.swap(0, Ordering::Relaxed) {
            0 if inner.closed => Look::Closed,
            0 => Look::Quiet { published },
            first => Look::Matched { first, published },
        }
    }

    /// Waits until there is something to look at. Cancel safe.
    pub(super) async fn woken(&self) {
        self.slot.wake.notified().await;
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.inner.lock().leave(&self.keys, self.id);
        self.hub.count.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Event;

    fn commit(revision: Revision, key: &'static str) -> Arc<Commit> {
        let key = Bytes::from_static(key.as_bytes());
        Arc::new(Commit::new(
            revision,
            vec![Event::Delete {
                key,
                mod_revision: revision,
            }],
        ))
    }

    fn hub() -> Arc<Hub> {
        Arc::new(Hub::new(3, Gauge::default()))
    }

    #[test]
    fn only_the_watches_of_a_key_are_marked() {
        let hub = hub();
        let join = |keys| hub.join(keys).0;
        let (all, ab, a, abc) = (
            join(Keys::prefix("")),
            join(Keys::prefix("ab")),
            join(Keys::one("a")),
            join(Keys::prefix("abc")),
        );
        hub.publish(&[commit(4, "ab"), commit(5, "a"), commit(6, "x")]);
        let published = 6;
        assert_eq!(all.look(), Look::Matched { first: 4, published });
        assert_eq!(ab.look(), Look::Matched { first: 4, published });
        assert_eq!(a.look(), Look::Matched { first: 5, published });
        assert_eq!(abc.look(), Look::Quiet { published });
        assert_eq!(all.look(), Look::Quiet { published });
    }

    #[test]
    fn a_seat_that_is_given_up_leaves_nothing() {
        let hub = hub();
        let (one, two) = (hub.join(Keys::prefix("p")).0, hub.join(Keys::prefix("p")).0);
        let exact = hub.join(Keys::one("p")).0;
        assert_eq!(hub.count.get(), 3);
        drop((one, exact));
        hub.publish(&[commit(4, "pp")]);
        assert_eq!(two.look(), Look::Matched { first: 4, published: 4 });
        drop(two);
        let inner = hub.inner.lock();
        assert!(inner.exact.is_empty() && inner.prefixes.is_empty() && inner.lengths.is_empty());
        assert_eq!(hub.count.get(), 0);
    }

    #[tokio::test]
    async fn closing_wakes_everybody() {
        let hub = hub();
        let (seat, published) = hub.join(Keys::one("k"));
        assert_eq!(published, 3);
        hub.close();
        seat.woken().await;
        assert_eq!(seat.look(), Look::Closed);
    }
}

//! Who is to be woken by which change: an index by interest, so that a change costs only those whom it concerns.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nines_model::{ConfigKey, Interest, Kind, Namespaces, Revision, ServiceKey};
use parking_lot::RwLock;
use tokio::sync::Notify;

use super::Subject;

/// Everybody who waits for changes.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    index: RwLock<Index>,
    next: AtomicU64,
}

/// One who waits. Dropping it ends the waiting.
#[derive(Debug)]
pub struct Watcher {
    wakes: Arc<Wakes>,
    id: u64,
    interest: Interest,
    bell: Arc<Bell>,
}

/// What a watcher shares with the index.
#[derive(Debug, Default)]
struct Bell {
    notify: Notify,
    wanted: AtomicU64,
}

type Bells = HashMap<u64, Arc<Bell>>;

#[derive(Debug, Default)]
struct Index {
    all: Bells,
    everywhere: Bells,
    namespaces: HashMap<String, Bells>,
    services: HashMap<ServiceKey, Bells>,
    kinds: HashMap<Kind, Bells>,
    configs: HashMap<ConfigKey, Bells>,
}

impl Watcher {
    pub(super) fn new(wakes: Arc<Wakes>, interest: Interest) -> Self {
        let id = wakes.next.fetch_add(1, Ordering::Relaxed);
        let bell = Arc::new(Bell::default());
        wakes.index.write().insert(id, &interest, &bell);
        Self {
            wakes,
            id,
            interest,
            bell,
        }
    }

    /// Waits until something that concerns it has changed since the last call. Cancel safe.
    pub async fn woken(&self) {
        self.bell.notify.notified().await;
    }

    /// The newest revision that concerned it; 0 if none did yet.
    pub fn wanted(&self) -> Revision {
        self.bell.wanted.load(Ordering::Acquire)
    }

    /// What concerns it.
    pub fn interest(&self) -> &Interest {
        &self.interest
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.wakes.index.write().remove(self.id, &self.interest);
    }
}

impl Wakes {
    /// Wakes those whom the subjects concern.
    pub(super) fn wake(&self, revision: Revision, subjects: &[Subject]) {
        let index = self.index.read();
        let mut rung = HashSet::new();
        for subject in subjects {
            for bells in index.concerned(subject).into_iter().flatten() {
                for (id, bell) in bells {
                    if rung.insert(*id) {
                        bell.ring(revision);
                    }
                }
            }
        }
    }

    /// Wakes everybody: the state was read anew.
    pub(super) fn wake_all(&self, revision: Revision) {
        self.index.read().all.values().for_each(|bell| bell.ring(revision));
    }
}

impl Bell {
    fn ring(&self, revision: Revision) {
        self.wanted.fetch_max(revision, Ordering::AcqRel);
        self.notify.notify_one();
    }
}

impl Index {
    fn insert(&mut self, id: u64, interest: &Interest, bell: &Arc<Bell>) {
        self.all.insert(id, bell.clone());
        match &interest.namespaces {
            Namespaces::All => drop(self.everywhere.insert(id, bell.clone())),
            Namespaces::Only(names) => names.iter().for_each(|n| add(&mut self.namespaces, n, id, bell)),
        }
        interest
            .services
            .iter()
            .for_each(|s| add(&mut self.services, s, id, bell));
        interest.kinds.keys().for_each(|k| add(&mut self.kinds, k, id, bell));
        interest
            .configs
            .iter()
            .for_each(|c| add(&mut self.configs, c, id, bell));
    }

    fn remove(&mut self, id: u64, interest: &Interest) {
        self.all.remove(&id);
        match &interest.namespaces {
            Namespaces::All => drop(self.everywhere.remove(&id)),
            Namespaces::Only(names) => names.iter().for_each(|n| take(&mut self.namespaces, n, id)),
        }
        interest.services.iter().for_each(|s| take(&mut self.services, s, id));
        interest.kinds.keys().for_each(|k| take(&mut self.kinds, k, id));
        interest.configs.iter().for_each(|c| take(&mut self.configs, c, id));
    }

    /// A kind is indexed without its namespaces: resources change seldom, and a watcher woken in vain sees that
    /// nothing concerns it.
    fn concerned(&self, subject: &Subject) -> [Option<&Bells>; 3] {
        match subject {
            Subject::Instance(key) => [
                Some(&self.everywhere),
                self.namespaces.get(&key.service.namespace),
                self.services.get(&key.service),
            ],
            Subject::Resource(key) => [self.kinds.get(&key.kind), None, None],
            Subject::Config(key) => [self.configs.get(key), None, None],
        }
    }
}

fn add<K: Clone + Eq + Hash>(map: &mut HashMap<K, Bells>, key: &K, id: u64, bell: &Arc<Bell>) {
    map.entry(key.clone()).or_default().insert(id, bell.clone());
}

fn take<K: Eq + Hash>(map: &mut HashMap<K, Bells>, key: &K, id: u64) {
    if let Some(bells) = map.get_mut(key) {
        bells.remove(&id);
        if bells.is_empty() {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_model::InstanceKey;

    fn interest_in(service: &str) -> Interest {
        let mut interest = Interest::default();
        interest.services.insert(ServiceKey::new("shop", service));
        interest
    }

    fn change_of(service: &str) -> Vec<Subject> {
        vec![Subject::Instance(InstanceKey::new(
            ServiceKey::new("shop", service),
            "1",
        ))]
    }

    #[test]
    fn a_change_wakes_only_whom_it_concerns() {
        let wakes = Arc::new(Wakes::default());
        let orders = Watcher::new(wakes.clone(), interest_in("orders"));
        let users = Watcher::new(wakes.clone(), interest_in("users"));
        let everything = Interest {
            namespaces: Namespaces::All,
            ..Interest::default()
        };
        let everything = Watcher::new(wakes.clone(), everything);
        wakes.wake(7, &change_of("orders"));
        assert_eq!((orders.wanted(), users.wanted(), everything.wanted()), (7, 0, 7));
        wakes.wake_all(9);
        assert_eq!((orders.wanted(), users.wanted(), everything.wanted()), (9, 9, 9));
    }

    #[test]
    fn one_who_left_leaves_nothing_behind() {
        let wakes = Arc::new(Wakes::default());
        drop(Watcher::new(wakes.clone(), interest_in("orders")));
        let index = wakes.index.read();
        assert!(index.all.is_empty() && index.services.is_empty());
    }

    #[tokio::test]
    async fn a_wake_before_the_wait_is_not_lost() {
        let wakes = Arc::new(Wakes::default());
        let watcher = Watcher::new(wakes.clone(), interest_in("orders"));
        wakes.wake(1, &change_of("orders"));
        watcher.woken().await;
    }
}

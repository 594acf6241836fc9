//! Whatever the order of changes, sends, losses and resumes: a subscriber ends with what it asked for.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use nines_base::Clock;
use nines_model::{
    Catalog, Change, InstanceKey, InstanceState, Interest, Namespaces, Override, Port, Registration, ServiceKey,
};
use nines_store::{Event, KeyValue, LeaseId, WatchBatch};
use proptest::prelude::*;

use super::*;
use crate::hub::Cursor;
use crate::keys;

/// The log forgets soon, so that resumes from too long ago happen.
const RECENT: usize = 6;

#[derive(Debug, Clone)]
enum Step {
    Write {
        service: usize,
        id: usize,
        record: usize,
        delete: bool,
    },
    Send,
    /// The subscriber reconnects with what it has.
    Reconnect,
    /// The mirror loses its watch and lists again.
    Relist,
    Replace(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write =
        (0usize..3, 0usize..3, 0usize..3, any::<bool>()).prop_map(|(service, id, record, delete)| Step::Write {
            service,
            id,
            record,
            delete,
        });
    let step = prop_oneof![
        8 => write,
        4 => Just(Step::Send),
        2 => Just(Step::Reconnect),
        1 => Just(Step::Relist),
        1 => (0usize..3).prop_map(Step::Replace),
    ];
    prop::collection::vec(step, 1..80)
}

fn service(number: usize) -> ServiceKey {
    ServiceKey::new(["shop", "shop", "pay"][number], format!("s{number}"))
}

fn interest(number: usize) -> Interest {
    let mut interest = Interest::default();
    match number {
        0 => drop(interest.services.insert(service(0))),
        1 => interest.namespaces.insert("pay"),
        _ => interest.namespaces = Namespaces::All,
    }
    interest
}

fn registration(weight: u64) -> Registration {
    Registration {
        address: "10.0.0.1".parse().unwrap(),
        ports: vec![Port {
            name: "http".into(),
            number: 80,
            protocol: Default::default(),
        }],
        labels: BTreeMap::new(),
        weight: (weight % 100) as u32,
        state: InstanceState::Ready,
    }
}

/// A store of one writer, with a mirror and a subscriber.
struct World {
    kvs: BTreeMap<Bytes, KeyValue>,
    revision: u64,
    mirror: Mirror,
    interest: Interest,
    cursor: Cursor,
    known: Catalog,
    /// What it knows was sent for the interest it has now.
    fresh: bool,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let mirror = Mirror::new();
        mirror.replace(State::new(0, RECENT));
        Self {
            kvs: BTreeMap::new(),
            revision: 0,
            mirror,
            interest: interest(2),
            cursor: Cursor::default(),
            known: Catalog::default(),
            fresh: false,
            now: Clock::system().now(),
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write {
                service: number,
                id,
                record,
                delete,
            } => self.write(&InstanceKey::new(service(*number), id.to_string()), *record, *delete),
            Step::Send => self.send(),
            // What was applied with another interest is nothing to resume from.
            Step::Reconnect => self.cursor = Cursor::resume(if self.fresh { self.known.revision } else { 0 }),
            Step::Relist => {
                let mut state = State::new(self.revision, RECENT);
                state.load(self.kvs.values().cloned().collect(), self.now);
                self.mirror.replace(state);
            }
            Step::Replace(number) => {
                self.interest = interest(*number);
                self.cursor.restart();
                self.fresh = false;
            }
        }
    }

    fn write(&mut self, key: &InstanceKey, record: usize, delete: bool) {
        self.revision += 1;
        let (key, value) = match record {
            0 => (
                keys::registration(key),
                serde_json::to_vec(&registration(self.revision)),
            ),
            1 => (
                keys::liveness(key),
                serde_json::to_vec(&Liveness { session: "a".into() }),
            ),
            _ => (
                keys::over(key),
                serde_json::to_vec(&Override {
                    disabled: true,
                    weight: None,
                }),
            ),
        };
        let (key, value) = (Bytes::from(key), Bytes::from(value.unwrap()));
        let event = if delete {
            self.kvs.remove(&key);
            Event::Delete {
                key,
                mod_revision: self.revision,
            }
        } else {
            let kv = KeyValue {
                key: key.clone(),
                value,
                create_revision: self.revision,
                mod_revision: self.revision,
                version: 1,
                lease: LeaseId(1),
            };
            self.kvs.insert(key, kv.clone());
            Event::Put(kv)
        };
        let batch = WatchBatch {
            revision: self.revision,
            events: vec![event],
        };
        self.mirror.apply(&batch, self.now);
    }

    fn send(&mut self) {
        let Some(delta) = self.cursor.next(&self.mirror, &self.interest) else {
            return;
        };
        assert!(delta.revision >= self.known.revision);
        if delta.full {
            self.known = Catalog::default();
            self.fresh = true;
        }
        self.known.revision = delta.revision;
        for item in delta.items {
            match item {
                Item::Instance(instance) => self.known.apply(Change::Instance(instance.as_ref().clone())),
                Item::InstanceGone(key) => self.known.apply(Change::InstanceGone(key)),
                other => panic!("only instances were written: {other:?}"),
            }
        }
    }

    /// The state by the plain definition: the join of the records, filtered.
    fn expected(&self) -> BTreeMap<ServiceKey, BTreeMap<String, (InstanceState, u32, bool)>> {
        let mut services: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for kv in self.kvs.values() {
            let Some(keys::Record::Registration(key)) = keys::parse(kv.key_str()) else {
                continue;
            };
            if !self.interest.wants_service(&key.service) {
                continue;
            }
            let registration: Registration = serde_json::from_slice(&kv.value).unwrap();
            let alive = self.kvs.contains_key(keys::liveness(&key).as_bytes());
            let disabled = self.kvs.contains_key(keys::over(&key).as_bytes());
            let state = if alive && !disabled {
                InstanceState::Ready
            } else {
                InstanceState::Down
            };
            services
                .entry(key.service)
                .or_default()
                .insert(key.id, (state, registration.weight, disabled));
        }
        services
    }

    fn seen(&self) -> BTreeMap<ServiceKey, BTreeMap<String, (InstanceState, u32, bool)>> {
        let view = |instance: &nines_model::Instance| (instance.state, instance.weight, instance.disabled);
        let services = self.known.instances.iter();
        services
            .map(|(key, all)| (key.clone(), all.iter().map(|(id, i)| (id.clone(), view(i))).collect()))
            .collect()
    }
}

proptest! {
    #[test]
    fn a_subscriber_ends_with_what_it_asked_for(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.send();
        prop_assert_eq!(world.seen(), world.expected());
    }

    #[test]
    fn orphans_are_the_registrations_without_liveness(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        let orphans: Vec<_> = world.mirror.read(|state| state.orphans().keys().map(keys::registration).collect());
        let expected = world.kvs.values().filter_map(|kv| match keys::parse(kv.key_str())? {
            keys::Record::Registration(key) => {
                let alive = world.kvs.contains_key(keys::liveness(&key).as_bytes());
                (!alive).then(|| keys::registration(&key))
            }
            _ => None,
        });
        let mut expected: Vec<String> = expected.collect();
        let mut orphans = orphans;
        expected.sort();
        orphans.sort();
        prop_assert_eq!(orphans, expected);
    }
}

fn batch(revision: u64, events: Vec<Event>) -> WatchBatch {
    WatchBatch { revision, events }
}

fn registered(revision: u64, key: &InstanceKey) -> Event {
    Event::Put(KeyValue {
        key: keys::registration(key).into(),
        value: serde_json::to_vec(&registration(1)).unwrap().into(),
        create_revision: revision,
        mod_revision: revision,
        version: 1,
        lease: LeaseId::NONE,
    })
}

#[test]
fn a_record_that_cannot_be_read_is_passed_over() {
    let mirror = Mirror::new();
    mirror.replace(State::new(0, RECENT));
    let key = InstanceKey::new(service(0), "1");
    let mut event = registered(1, &key);
    if let Event::Put(kv) = &mut event {
        kv.value = Bytes::from_static(b"{\"from\": \"the future\"}");
    }
    mirror.apply(&batch(1, vec![event]), Clock::system().now());
    assert_eq!(mirror.revision(), 1);
    assert!(mirror.read(|state| state.instance(&key).is_none()));
}

#[test]
fn a_long_poll_can_tell_a_change_from_none() {
    let mirror = Mirror::new();
    mirror.replace(State::new(10, RECENT));
    let now = Clock::system().now();
    let key = InstanceKey::new(service(0), "1");
    mirror.apply(&batch(11, vec![registered(11, &key)]), now);
    let gone = Event::Delete {
        key: keys::registration(&key).into(),
        mod_revision: 12,
    };
    mirror.apply(&batch(12, vec![gone]), now);
    let changed = |after| mirror.read(|state| state.changed_since(&service(0), after));
    assert_eq!([9, 10, 11, 12, 13].map(changed), [true, true, true, false, false]);
    // What it changed last is remembered for as long as the log reaches back, and no longer.
    mirror.0.state.write().forget();
    assert!(changed(11));
    for revision in 13..30 {
        let other = InstanceKey::new(service(1), "1");
        mirror.apply(&batch(revision, vec![registered(revision, &other)]), now);
    }
    mirror.0.state.write().forget();
    assert!(mirror.read(|state| !state.services().contains_key(&service(0))));
    assert!(!changed(29));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lags_says_that_the_write_is_done() {
    let mirror = Mirror::new();
    let error = mirror
        .caught_up(7, Duration::from_secs(5))
        .await
        .expect_err("nobody feeds it");
    assert!(error.to_string().contains("revision 7 is written"), "{error}");
}

//! Taking the store's records in, one revision at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use nines_model::{ConfigItem, ConfigKey, InstanceKey, Override, Registration, Resource, ResourceKey, Revision};
use nines_store::{Event, KeyValue, WatchBatch};
use serde::de::DeserializeOwned;

use super::{Document, Entry, Liveness, Orphan, Published, State};
use crate::keys::{self, Record};
use crate::mirror::Subject;

impl State {
    /// Takes one revision in and says what anybody can see changed. `now` is when new orphans may be deleted.
    pub(in crate::mirror) fn apply(&mut self, batch: &WatchBatch, now: Instant) -> Vec<Subject> {
        let mut touched = BTreeSet::new();
        for event in &batch.events {
            touched.extend(self.take(event));
        }
        self.revision = self.revision.max(batch.revision);
        let changed: Vec<Subject> = touched
            .into_iter()
            .filter(|s| self.settle(s, batch.revision, now))
            .collect();
        self.log.push(batch.revision, changed.clone());
        changed
    }

    /// Takes records in that were listed and not watched: of the past nothing is known. `grace` is when
    /// registrations without liveness may be deleted.
    pub(in crate::mirror) fn load(&mut self, kvs: Vec<KeyValue>, grace: Instant) {
        let mut touched: BTreeMap<Subject, Revision> = BTreeMap::new();
        for kv in kvs {
            let revision = kv.mod_revision;
            if let Some(subject) = self.take(&Event::Put(kv)) {
                let newest = touched.entry(subject).or_default();
                *newest = revision.max(*newest);
            }
        }
        for (subject, revision) in touched {
            self.settle(&subject, revision, grace);
        }
    }

    fn take(&mut self, event: &Event) -> Option<Subject> {
        let key = std::str::from_utf8(event.key()).ok()?;
        let kv = match event {
            Event::Put(kv) => Some(kv),
            Event::Delete { .. } => None,
        };
        match keys::parse(key)? {
            Record::Registration(key) => Some(self.take_registration(key, kv)),
            Record::Liveness(key) => Some(self.take_liveness(key, kv)),
            Record::Override(key) => Some(self.take_override(key, kv)),
            Record::Config(key) => Some(self.take_config(key, kv)),
            Record::Resource(key) => Some(self.take_resource(key, kv)),
        }
    }

    fn take_registration(&mut self, key: InstanceKey, kv: Option<&KeyValue>) -> Subject {
        let record = kv.and_then(|kv| Some((decode::<Registration>(kv)?, kv.mod_revision)));
        self.entry_mut(&key).registration = record;
        Subject::Instance(key)
    }

    fn take_liveness(&mut self, key: InstanceKey, kv: Option<&KeyValue>) -> Subject {
        let new = kv.and_then(|kv| Some((decode::<Liveness>(kv)?, kv.lease)));
        let session = new.as_ref().map(|(liveness, _)| liveness.session.clone());
        let old = std::mem::replace(&mut self.entry_mut(&key).liveness, new);
        if let Some((old, _)) = old {
            self.leave_session(&old.session, &key);
        }
        if let Some(session) = session {
            self.sessions.entry(session).or_default().insert(key.clone());
        }
        Subject::Instance(key)
    }

    fn take_override(&mut self, key: InstanceKey, kv: Option<&KeyValue>) -> Subject {
        self.entry_mut(&key).over = kv.and_then(decode::<Override>);
        Subject::Instance(key)
    }

    fn take_config(&mut self, key: ConfigKey, kv: Option<&KeyValue>) -> Subject {
        let published = kv.and_then(|kv| {
            let mut item: ConfigItem = decode(kv)?;
            item.revision = kv.mod_revision;
            let json = serde_json::to_vec(&item).ok()?.into();
            Some(Arc::new(Published { item, json }))
        });
        match published {
            Some(published) => drop(self.configs.insert(key.clone(), published)),
            None => drop(self.configs.remove(&key)),
        }
        Subject::Config(key)
    }

    fn take_resource(&mut self, key: ResourceKey, kv: Option<&KeyValue>) -> Subject {
        let document = kv.and_then(|kv| {
            Some(Arc::new(Document {
                resource: decode_resource(kv)?,
                json: kv.value.clone(),
                revision: kv.mod_revision,
            }))
        });
        match document {
            Some(document) => drop(self.resources.insert(key.clone(), document)),
            None => drop(self.resources.remove(&key)),
        }
        Subject::Resource(key)
    }

    fn entry_mut(&mut self, key: &InstanceKey) -> &mut Entry {
        let service = self.services.entry(key.service.clone()).or_default();
        service.entries.entry(key.id.clone()).or_default()
    }

    fn leave_session(&mut self, session: &str, key: &InstanceKey) {
        if let Some(held) = self.sessions.get_mut(session) {
            held.remove(key);
            if held.is_empty() {
                self.sessions.remove(session);
            }
        }
    }

    /// Once all records of a revision are in: joins, and says whether anybody can see a difference.
    fn settle(&mut self, subject: &Subject, revision: Revision, after: Instant) -> bool {
        let Subject::Instance(key) = subject else {
            return true;
        };
        let Some(service) = self.services.get_mut(&key.service) else {
            return false;
        };
        let Some(entry) = service.entries.get_mut(&key.id) else {
            return false;
        };
        let visible = entry.join(key, revision);
        let orphan = match (&entry.registration, &entry.liveness) {
            (Some((_, registered)), None) => Some(Orphan {
                registered: *registered,
                after,
            }),
            _ => None,
        };
        if entry.is_empty() {
            service.entries.remove(&key.id);
        }
        if visible {
            service.changed = service.changed.max(revision);
        }
        self.settle_orphan(key, orphan);
        visible
    }

    fn settle_orphan(&mut self, key: &InstanceKey, orphan: Option<Orphan>) {
        match orphan {
            Some(orphan) => drop(self.orphans.insert(key.clone(), orphan)),
            None => drop(self.orphans.remove(key)),
        }
    }

    /// Forgets services that have no record and whose last change is beyond the recent past. Their names would else
    /// stay for ever.
    pub(in crate::mirror) fn forget(&mut self) {
        let floor = self.log.floor();
        self.services
            .retain(|_, service| !service.entries.is_empty() || service.changed > floor);
    }
}

fn decode<T: DeserializeOwned>(kv: &KeyValue) -> Option<T> {
    serde_json::from_slice(&kv.value)
        .map_err(|error| unreadable(kv, &error))
        .ok()
}

fn decode_resource(kv: &KeyValue) -> Option<Resource> {
    let json: serde_json::Value = decode(kv)?;
    Resource::from_json(&json)
        .map_err(|problem| unreadable(kv, &problem))
        .ok()
}

/// A record that a newer version wrote, or a person: it is passed over, and said so.
fn unreadable(kv: &KeyValue, reason: &dyn std::fmt::Display) {
    tracing::error!(key = kv.key_str(), revision = kv.mod_revision, %reason, "a record in the store cannot be read; passed over");
}

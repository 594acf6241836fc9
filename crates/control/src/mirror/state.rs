//! The state as of one revision: the records, their projection, and the recent past. No I/O.

mod apply;
mod entry;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use nines_model::{ConfigItem, ConfigKey, Instance, InstanceKey, Resource, ResourceKey, Revision, ServiceKey};

use super::Subject;
use super::log::Log;

pub use entry::{Entry, Liveness};

/// The state as of one revision.
#[derive(Debug)]
pub struct State {
    revision: Revision,
    listed: Revision,
    services: BTreeMap<ServiceKey, Service>,
    resources: BTreeMap<ResourceKey, Arc<Document>>,
    configs: BTreeMap<ConfigKey, Arc<Published>>,
    sessions: HashMap<String, BTreeSet<InstanceKey>>,
    orphans: BTreeMap<InstanceKey, Orphan>,
    log: Log,
}

/// The instances of one service name, with their records.
#[derive(Debug, Default)]
pub struct Service {
    entries: BTreeMap<String, Entry>,
    changed: Revision,
}

/// A registration whose liveness is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orphan {
    /// The registration's last change.
    pub registered: Revision,
    /// Not to be deleted before.
    pub after: Instant,
}

/// A resource with its JSON form, ready to be sent.
#[derive(Debug)]
pub struct Document {
    pub resource: Resource,
    pub json: Bytes,
    pub revision: Revision,
}

/// A configuration item in force with its JSON form, ready to be sent.
#[derive(Debug)]
pub struct Published {
    pub item: ConfigItem,
    pub json: Bytes,
}

impl State {
    /// Before the first listing. Nothing is known of the past.
    pub(super) fn empty() -> Self {
        Self::new(0, 0)
    }

    /// Nothing, as of `revision`, remembering the newest `recent` changes.
    pub(super) fn new(revision: Revision, recent: usize) -> Self {
        Self {
            revision,
            listed: revision,
            services: BTreeMap::new(),
            resources: BTreeMap::new(),
            configs: BTreeMap::new(),
            sessions: HashMap::new(),
            orphans: BTreeMap::new(),
            log: Log::new(revision, recent),
        }
    }

    /// The revision it is of.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Every service name with a record, in order; [`Service::instances`] may be empty.
    pub fn services(&self) -> &BTreeMap<ServiceKey, Service> {
        &self.services
    }

    /// The instances of a service, by id.
    pub fn instances(&self, service: &ServiceKey) -> impl Iterator<Item = &Arc<Instance>> {
        self.services.get(service).into_iter().flat_map(Service::instances)
    }

    /// One instance as subscribers see it.
    pub fn instance(&self, key: &InstanceKey) -> Option<&Arc<Instance>> {
        self.entry(key)?.instance()
    }

    /// All records of one instance; there may be an override alone.
    pub fn entry(&self, key: &InstanceKey) -> Option<&Entry> {
        self.services.get(&key.service)?.entries.get(&key.id)
    }

    /// Whether any instance of the service changed after a revision. A revision from before this server knows the
    /// past counts as changed.
    pub fn changed_since(&self, service: &ServiceKey, after: Revision) -> bool {
        match self.services.get(service) {
            Some(service) => service.changed > after || after < self.listed,
            None => after < self.log.floor(),
        }
    }

    /// Resources by kind, namespace and name.
    pub fn resources(&self) -> &BTreeMap<ResourceKey, Arc<Document>> {
        &self.resources
    }

    /// Configuration items in force.
    pub fn configs(&self) -> &BTreeMap<ConfigKey, Arc<Published>> {
        &self.configs
    }

    /// The instances that hang on a session.
    pub fn session(&self, id: &str) -> impl Iterator<Item = &InstanceKey> {
        self.sessions.get(id).into_iter().flatten()
    }

    /// How many sessions hold instances.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Registrations whose liveness is gone.
    pub fn orphans(&self) -> &BTreeMap<InstanceKey, Orphan> {
        &self.orphans
    }

    /// What changed after a position, oldest first; `None` if that is too long ago.
    pub(super) fn since(&self, position: Revision) -> Option<impl Iterator<Item = &Subject>> {
        self.log.since(position)
    }
}

impl Service {
    /// Its instances, by id.
    pub fn instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        self.entries.values().filter_map(Entry::instance)
    }

    /// Its records, by instance id.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }
}

//! Everything a subscriber knows: the control plane's state as far as it asked for it.

use std::collections::BTreeMap;

use crate::{ConfigItem, ConfigKey, Instance, InstanceKey, Resource, ResourceKey, Revision, ServiceKey};

/// One change of the catalog.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Instance(Instance),
    InstanceGone(InstanceKey),
    Resource(Resource),
    ResourceGone(ResourceKey),
    Config(ConfigItem),
    ConfigGone(ConfigKey),
}

/// Instances, resources and configuration items as of one revision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    pub revision: Revision,
    pub instances: BTreeMap<ServiceKey, BTreeMap<String, Instance>>,
    pub resources: BTreeMap<ResourceKey, Resource>,
    pub configs: BTreeMap<ConfigKey, ConfigItem>,
}

impl Catalog {
    /// Takes one change in. A service whose last instance goes has no entry.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Instance(instance) => {
                let service = self.instances.entry(instance.key.service.clone()).or_default();
                service.insert(instance.key.id.clone(), instance);
            }
            Change::InstanceGone(key) => self.remove_instance(&key),
            Change::Resource(resource) => {
                self.resources.insert(resource.key(), resource);
            }
            Change::ResourceGone(key) => {
                self.resources.remove(&key);
            }
            Change::Config(item) => {
                self.configs.insert(item.key.clone(), item);
            }
            Change::ConfigGone(key) => {
                self.configs.remove(&key);
            }
        }
    }

    fn remove_instance(&mut self, key: &InstanceKey) {
        if let Some(service) = self.instances.get_mut(&key.service) {
            service.remove(&key.id);
            if service.is_empty() {
                self.instances.remove(&key.service);
            }
        }
    }
}

//! What a subscriber wants to hear of.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Change, ConfigKey, Kind, ResourceKey, ServiceKey};

/// Some namespaces, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespaces {
    All,
    Only(BTreeSet<String>),
}

/// What a subscriber wants to hear of. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    /// Every service of these namespaces.
    pub namespaces: Namespaces,
    /// Services by name.
    pub services: BTreeSet<ServiceKey>,
    /// Kinds of resource, each in some namespaces.
    pub kinds: BTreeMap<Kind, Namespaces>,
    /// Configuration items by name.
    pub configs: BTreeSet<ConfigKey>,
}

impl Interest {
    /// Whether instances of that service belong to it.
    pub fn wants_service(&self, service: &ServiceKey) -> bool {
        self.namespaces.contains(&service.namespace) || self.services.contains(service)
    }

    /// Whether that resource belongs to it.
    pub fn wants_resource(&self, key: &ResourceKey) -> bool {
        self.kinds.get(&key.kind).is_some_and(|n| n.contains(&key.namespace))
    }

    /// Whether that item belongs to it.
    pub fn wants_config(&self, key: &ConfigKey) -> bool {
        self.configs.contains(key)
    }

    /// Whether the change belongs to it.
    pub fn wants(&self, change: &Change) -> bool {
        match change {
            Change::Instance(instance) => self.wants_service(&instance.key.service),
            Change::InstanceGone(key) => self.wants_service(&key.service),
            Change::Resource(resource) => self.wants_resource(&resource.key()),
            Change::ResourceGone(key) => self.wants_resource(key),
            Change::Config(item) => self.wants_config(&item.key),
            Change::ConfigGone(key) => self.wants_config(key),
        }
    }
}

impl Namespaces {
    /// Whether the namespace is one of them.
    pub fn contains(&self, namespace: &str) -> bool {
        match self {
            Namespaces::All => true,
            Namespaces::Only(names) => names.contains(namespace),
        }
    }

    /// Adds one namespace.
    pub fn insert(&mut self, namespace: impl Into<String>) {
        if let Namespaces::Only(names) = self {
            names.insert(namespace.into());
        }
    }
}

impl Default for Namespaces {
    fn default() -> Self {
        Namespaces::Only(BTreeSet::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InstanceKey;

    #[test]
    fn an_interest_is_the_union_of_what_it_names() {
        let mut interest = Interest::default();
        let gone =
            |namespace, service| Change::InstanceGone(InstanceKey::new(ServiceKey::new(namespace, service), "1"));
        assert!(!interest.wants(&gone("shop", "orders")));
        interest.services.insert(ServiceKey::new("shop", "orders"));
        interest.namespaces.insert("pay");
        assert!(interest.wants(&gone("shop", "orders")));
        assert!(interest.wants(&gone("pay", "anything")));
        assert!(!interest.wants(&gone("shop", "users")));
        interest.namespaces = Namespaces::All;
        assert!(interest.wants(&gone("shop", "users")));
    }

    #[test]
    fn kinds_are_wanted_by_namespace() {
        let mut interest = Interest::default();
        interest.kinds.entry(Kind::Policy).or_default().insert("shop");
        let gone = |kind, namespace: &str| {
            Change::ResourceGone(ResourceKey {
                kind,
                namespace: namespace.into(),
                name: "a".into(),
            })
        };
        assert!(interest.wants(&gone(Kind::Policy, "shop")));
        assert!(!interest.wants(&gone(Kind::Policy, "pay")));
        assert!(!interest.wants(&gone(Kind::Gateway, "shop")));
    }
}

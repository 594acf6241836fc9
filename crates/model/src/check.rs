//! Whether resources fit together: nothing points into the void, nothing stands twice, no two want one port.
//!
//! The rule for a backend: it is a Service resource or a service with a registered instance. A route may well come
//! before its service starts, but then a Service document says that the name is meant and not mistyped.

mod duplicates;
mod listeners;
mod policies;
mod routes;

use std::collections::BTreeMap;

use crate::problem::{self, Problem};
use crate::{Kind, Resource, ResourceKey, ServiceKey};

/// Resources by key.
pub type Resources = BTreeMap<ResourceKey, Resource>;

/// Every mistake between the resources of a whole state; the problem's source is the resource's key. `registered`
/// tells whether a service has instances in the registry.
pub fn check(resources: &Resources, registered: impl Fn(&ServiceKey) -> bool) -> Vec<Problem> {
    let world = World {
        resources,
        registered: &registered,
    };
    let mut problems = Vec::new();
    listeners::check(&world, &mut problems);
    routes::check(&world, &mut problems);
    duplicates::check(&world, &mut problems);
    policies::check(&world, &mut problems);
    problems
}

struct World<'a> {
    resources: &'a Resources,
    registered: &'a dyn Fn(&ServiceKey) -> bool,
}

impl<'a> World<'a> {
    fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&'a Resource> {
        self.resources.get(&ResourceKey {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    fn has_service(&self, namespace: &str, name: &str) -> bool {
        let registered = || (self.registered)(&ServiceKey::new(namespace, name));
        self.get(Kind::Service, namespace, name).is_some() || registered()
    }

    /// ` (did you mean …)` when a resource of that kind has nearly that name.
    fn hint(&self, kind: Kind, namespace: &str, name: &str) -> String {
        let keys = self.resources.keys();
        let names = keys
            .filter(|key| key.kind == kind && key.namespace == namespace)
            .map(|key| key.name.as_str());
        problem::nearest(name, names).map_or(String::new(), |meant| format!(" (did you mean `{meant}`?)"))
    }
}

fn found(key: &ResourceKey, path: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem::new(path, message).in_source(key.to_string())
}

#[cfg(test)]
mod tests;

//! Which resource names which. Pure.

use std::collections::{BTreeSet, HashMap};

use nines_model::check::Resources;
use nines_model::policy::TargetKind;
use nines_model::route::HttpRoute;
use nines_model::{Resource, ResourceKey, resource::Kind};

/// Everything that `resource` names; whether it exists is another question.
pub(super) fn references(resource: &Resource) -> Vec<ResourceKey> {
    let own = &resource.metadata().namespace;
    match resource {
        Resource::HttpRoute(route) => route_references(&route.spec, own),
        Resource::Policy(policy) => {
            let targets = policy.spec.target_refs.iter();
            targets
                .map(|target| key(target_kind(target.kind), own, &target.name))
                .collect()
        }
        Resource::Gateway(_) | Resource::Service(_) => Vec::new(),
    }
}

/// For each resource that is named, those that name it, in order.
pub(super) fn referrers(resources: &Resources) -> HashMap<ResourceKey, BTreeSet<ResourceKey>> {
    let mut referrers: HashMap<ResourceKey, BTreeSet<ResourceKey>> = HashMap::new();
    for (key, resource) in resources {
        for named in references(resource) {
            referrers.entry(named).or_default().insert(key.clone());
        }
    }
    referrers
}

fn route_references(route: &HttpRoute, own: &str) -> Vec<ResourceKey> {
    let parents = route.parent_refs.iter().map(|parent| {
        let namespace = parent.namespace.as_deref().unwrap_or(own);
        key(Kind::Gateway, namespace, &parent.name)
    });
    let backends = route.rules.iter().flat_map(|rule| &rule.backend_refs).map(|backend| {
        let namespace = backend.namespace.as_deref().unwrap_or(own);
        key(Kind::Service, namespace, &backend.name)
    });
    parents.chain(backends).collect()
}

fn target_kind(kind: TargetKind) -> Kind {
    match kind {
        TargetKind::Service => Kind::Service,
        TargetKind::HttpRoute => Kind::HttpRoute,
    }
}

fn key(kind: Kind, namespace: &str, name: &str) -> ResourceKey {
    ResourceKey {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

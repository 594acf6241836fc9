//! What feels a change: routes, services, and how many instances stand behind them. Pure.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use nines_model::check::Resources;
use nines_model::service::Selector;
use nines_model::{Instance, InstanceKey, Kind, Resource, ResourceKey, ServiceKey};

use super::plan::{Outcome, Step};
use super::refer::{references, referrers};

/// Routes and services as `namespace/name`, and the registered instances of those services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    pub routes: BTreeSet<String>,
    pub services: BTreeSet<String>,
    pub instances: usize,
}

/// What the plan's changes reach; `before` is the state that they change, `instances` gives those of a service name.
pub(super) fn touched(
    steps: &[Step],
    before: &Resources,
    instances: impl Fn(&ServiceKey) -> Vec<Arc<Instance>>,
) -> Touched {
    let mut after = before.clone();
    after.extend(steps.iter().map(|step| (step.after.key(), step.after.clone())));
    let mut reach = Reach {
        before,
        after: &after,
        referrers: referrers(&after),
        seen: BTreeSet::new(),
    };
    for step in steps.iter().filter(|step| step.outcome != Outcome::Unchanged) {
        reach.follow(&step.after.key());
    }
    Touched {
        routes: reach.names(Kind::HttpRoute),
        services: reach.names(Kind::Service),
        instances: reach.members(instances).len(),
    }
}

/// Walks from a changed resource to all that it bears on.
struct Reach<'a> {
    before: &'a Resources,
    after: &'a Resources,
    referrers: HashMap<ResourceKey, BTreeSet<ResourceKey>>,
    seen: BTreeSet<ResourceKey>,
}

impl Reach<'_> {
    fn follow(&mut self, changed: &ResourceKey) {
        self.seen.insert(changed.clone());
        match changed.kind {
            Kind::Gateway | Kind::Service => self.add_routes_of(changed),
            Kind::HttpRoute => self.add_backends_of(changed),
            Kind::Policy => self.add_targets_of(changed),
        }
    }

    fn add_routes_of(&mut self, named: &ResourceKey) {
        let referrers = self.referrers.get(named).cloned().unwrap_or_default();
        for route in referrers.into_iter().filter(|key| key.kind == Kind::HttpRoute) {
            if named.kind == Kind::Gateway {
                self.add_backends_of(&route);
            }
            self.seen.insert(route);
        }
    }

    fn add_backends_of(&mut self, route: &ResourceKey) {
        let backends = self.named_by(route).into_iter().filter(|key| key.kind == Kind::Service);
        self.seen.extend(backends);
    }

    fn add_targets_of(&mut self, policy: &ResourceKey) {
        for target in self.named_by(policy) {
            self.follow(&target);
        }
    }

    /// What it names now or named before.
    fn named_by(&self, key: &ResourceKey) -> Vec<ResourceKey> {
        let versions = [self.before.get(key), self.after.get(key)];
        versions.into_iter().flatten().flat_map(references).collect()
    }

    fn names(&self, kind: Kind) -> BTreeSet<String> {
        let of_kind = self.seen.iter().filter(|key| key.kind == kind);
        of_kind.map(|key| format!("{}/{}", key.namespace, key.name)).collect()
    }

    fn members(&self, instances: impl Fn(&ServiceKey) -> Vec<Arc<Instance>>) -> BTreeSet<InstanceKey> {
        let mut members = BTreeSet::new();
        for key in self.seen.iter().filter(|key| key.kind == Kind::Service) {
            let selector = selector(self.after.get(key));
            let name = selector.service.as_ref().unwrap_or(&key.name);
            let registered = instances(&ServiceKey::new(&key.namespace, name));
            let selected = registered.iter().filter(|instance| selects(&selector, instance));
            members.extend(selected.map(|instance| instance.key.clone()));
        }
        members
    }
}

fn selector(service: Option<&Resource>) -> Selector {
    match service {
        Some(Resource::Service(service)) => service.spec.selector.clone().unwrap_or_default(),
        _ => Selector::default(),
    }
}

fn selects(selector: &Selector, instance: &Instance) -> bool {
    let has = |(label, value): (&String, &String)| instance.labels.get(label) == Some(value);
    selector.labels.iter().all(has)
}

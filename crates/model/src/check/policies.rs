//! What a Policy governs: something that exists, and that no other Policy governs.

use std::collections::HashMap;

use super::{World, found};
use crate::policy::{TargetKind, TargetRef};
use crate::problem::Problem;
use crate::{Kind, Resource, ResourceKey};

pub(super) fn check(world: &World<'_>, problems: &mut Vec<Problem>) {
    let mut governed: HashMap<(&str, &TargetKind, &str), &ResourceKey> = HashMap::new();
    for (key, resource) in world.resources {
        let Resource::Policy(policy) = resource else { continue };
        for (index, target) in policy.spec.target_refs.iter().enumerate() {
            let at = format!("spec.targetRefs[{index}]");
            if let Err(message) = exists(world, key, target) {
                problems.push(found(key, format!("{at}.name"), message));
            }
            let subject = (key.namespace.as_str(), &target.kind, target.name.as_str());
            match governed.get(&subject) {
                Some(other) => {
                    let message = format!("is governed by {other} already: put both into one policy");
                    problems.push(found(key, at, message));
                }
                None => {
                    governed.insert(subject, key);
                }
            }
        }
    }
}

fn exists(world: &World<'_>, key: &ResourceKey, target: &TargetRef) -> Result<(), String> {
    let (namespace, name) = (&key.namespace, &target.name);
    let (kind, good) = match target.kind {
        TargetKind::Service => (Kind::Service, world.has_service(namespace, name)),
        TargetKind::HttpRoute => (Kind::HttpRoute, world.get(Kind::HttpRoute, namespace, name).is_some()),
    };
    let hint = || world.hint(kind, namespace, name);
    good.then_some(())
        .ok_or_else(|| format!("there is no {kind} {namespace}/{name}{}", hint()))
}

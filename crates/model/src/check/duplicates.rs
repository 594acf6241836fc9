//! Two rules that match the very same requests: which one would win is an accident.

use std::collections::HashMap;

use super::routes::{attaches, hosts};
use super::{World, found};
use crate::problem::Problem;
use crate::route::{HttpRoute, Match, PathKind, ValueMatch};
use crate::{Kind, Object, Resource, ResourceKey};

/// Where a rule was seen first: the route, and the place in it.
type Seen<'a> = HashMap<String, (&'a ResourceKey, String)>;

pub(super) fn check(world: &World<'_>, problems: &mut Vec<Problem>) {
    let mut seen = Seen::new();
    for (key, resource) in world.resources {
        if let Resource::HttpRoute(route) = resource {
            check_route(world, key, route, &mut seen, problems);
        }
    }
}

fn check_route<'a>(
    world: &World<'_>,
    key: &'a ResourceKey,
    route: &Object<HttpRoute>,
    seen: &mut Seen<'a>,
    problems: &mut Vec<Problem>,
) {
    let places = places(world, key, &route.spec);
    for (path, condition) in conditions(&route.spec) {
        let condition = signature(&condition);
        let taken = places
            .iter()
            .find_map(|place| seen.get(&format!("{place} {condition}")));
        if let Some((owner, first)) = taken {
            let other = if *owner == key {
                String::new()
            } else {
                format!(" of {owner}")
            };
            let message = format!("matches the same requests as {first}{other}: remove one or tell them apart");
            problems.push(found(key, path, message));
            continue;
        }
        for place in &places {
            seen.insert(format!("{place} {condition}"), (key, path.clone()));
        }
    }
}

/// Gateway, listener and host wherever the route is served, each once.
fn places(world: &World<'_>, key: &ResourceKey, route: &HttpRoute) -> Vec<String> {
    let mut places = Vec::new();
    for parent in &route.parent_refs {
        let namespace = parent.namespace.as_deref().unwrap_or(&key.namespace);
        let Some(Resource::Gateway(gateway)) = world.get(Kind::Gateway, namespace, &parent.name) else {
            continue;
        };
        for listener in gateway
            .spec
            .listeners
            .iter()
            .filter(|listener| attaches(parent, listener))
        {
            let place = |host| format!("{namespace}/{}/{} {host}", parent.name, listener.name);
            places.extend(hosts(route, listener).into_iter().map(place));
        }
    }
    places.sort();
    places.dedup();
    places
}

fn conditions(route: &HttpRoute) -> Vec<(String, Match)> {
    let mut conditions = Vec::new();
    for (rule_index, rule) in route.rules.iter().enumerate() {
        let at = format!("spec.rules[{rule_index}]");
        if rule.matches.is_empty() {
            conditions.push((at.clone(), Match::default()));
        }
        let matches = rule.matches.iter().enumerate();
        conditions.extend(matches.map(|(index, condition)| (format!("{at}.matches[{index}]"), condition.clone())));
    }
    conditions
}

/// The same text for conditions that hold for the same requests.
fn signature(condition: &Match) -> String {
    let (kind, path) = match &condition.path {
        Some(path) => (path.kind, path.value.as_str()),
        None => (PathKind::PathPrefix, "/"),
    };
    let path = match kind {
        PathKind::Exact => path,
        PathKind::PathPrefix => path.trim_end_matches('/'),
    };
    let headers = sorted(&condition.headers, str::to_ascii_lowercase);
    let params = sorted(&condition.query_params, str::to_owned);
    format!("{kind:?} {path} {:?} {headers:?} {params:?}", condition.method)
}

fn sorted(conditions: &[ValueMatch], name: fn(&str) -> String) -> Vec<(String, &str)> {
    let mut pairs: Vec<(String, &str)> = conditions.iter().map(|c| (name(&c.name), c.value.as_str())).collect();
    pairs.sort();
    pairs
}

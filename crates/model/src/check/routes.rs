//! What an HTTPRoute points at: Gateways, their listeners, backends.

use super::{World, found};
use crate::gateway::Listener;
use crate::problem::Problem;
use crate::route::{HttpRoute, ParentRef};
use crate::{Kind, Object, Resource, ResourceKey};

pub(super) fn check(world: &World<'_>, problems: &mut Vec<Problem>) {
    for (key, resource) in world.resources {
        if let Resource::HttpRoute(route) = resource {
            check_parents(world, key, route, problems);
            check_backends(world, key, route, problems);
        }
    }
}

fn check_parents(world: &World<'_>, key: &ResourceKey, route: &Object<HttpRoute>, problems: &mut Vec<Problem>) {
    for (index, parent) in route.spec.parent_refs.iter().enumerate() {
        if let Err((field, message)) = check_parent(world, key, &route.spec, parent) {
            problems.push(found(key, format!("spec.parentRefs[{index}].{field}"), message));
        }
    }
}

fn check_parent(
    world: &World<'_>,
    key: &ResourceKey,
    route: &HttpRoute,
    parent: &ParentRef,
) -> Result<(), (&'static str, String)> {
    let namespace = parent.namespace.as_deref().unwrap_or(&key.namespace);
    let Some(Resource::Gateway(gateway)) = world.get(Kind::Gateway, namespace, &parent.name) else {
        let hint = world.hint(Kind::Gateway, namespace, &parent.name);
        return Err(("name", format!("there is no Gateway {namespace}/{}{hint}", parent.name)));
    };
    let listeners = &gateway.spec.listeners;
    if let Some(section) = parent
        .section_name
        .as_ref()
        .filter(|name| listeners.iter().all(|l| l.name != **name))
    {
        let names: Vec<&str> = listeners.iter().map(|listener| listener.name.as_str()).collect();
        let message = format!("the Gateway has no listener `{section}`, it has {}", names.join(", "));
        return Err(("sectionName", message));
    }
    let attached = || listeners.iter().filter(|listener| attaches(parent, listener));
    if let Some(port) = parent.port.filter(|_| attached().next().is_none()) {
        return Err(("port", format!("the Gateway has no such listener on port {port}")));
    }
    if attached().all(|listener| hosts(route, listener).is_empty()) {
        let message = "no hostname of the route is served by the Gateway's listeners, see their hostnames";
        return Err(("name", message.into()));
    }
    Ok(())
}

/// Whether the reference means that listener.
pub(super) fn attaches(parent: &ParentRef, listener: &Listener) -> bool {
    let section = parent.section_name.as_ref().is_none_or(|name| *name == listener.name);
    section && parent.port.is_none_or(|port| port == listener.port)
}

/// The hosts that the route serves on the listener; the empty text is every host.
pub(super) fn hosts<'a>(route: &'a HttpRoute, listener: &'a Listener) -> Vec<&'a str> {
    let own = listener.hostname.as_deref().unwrap_or_default();
    if route.hostnames.is_empty() {
        return vec![own];
    }
    let hosts = route.hostnames.iter().map(String::as_str);
    hosts.filter_map(|host| intersection(host, own)).collect()
}

/// The narrower of two host patterns, if one lies in the other.
fn intersection<'a>(a: &'a str, b: &'a str) -> Option<&'a str> {
    if covers(a, b) {
        Some(b)
    } else if covers(b, a) {
        Some(a)
    } else {
        None
    }
}

fn covers(wide: &str, narrow: &str) -> bool {
    wide.is_empty() || wide == narrow || wide.strip_prefix('*').is_some_and(|suffix| narrow.ends_with(suffix))
}

fn check_backends(world: &World<'_>, key: &ResourceKey, route: &Object<HttpRoute>, problems: &mut Vec<Problem>) {
    for (rule_index, rule) in route.spec.rules.iter().enumerate() {
        for (index, backend) in rule.backend_refs.iter().enumerate() {
            let namespace = backend.namespace.as_deref().unwrap_or(&key.namespace);
            let name = &backend.name;
            if world.has_service(namespace, name) {
                continue;
            }
            let hint = world.hint(Kind::Service, namespace, name);
            let path = format!("spec.rules[{rule_index}].backendRefs[{index}].name");
            let message = format!(
                "there is no Service {namespace}/{name}{hint} and no instance is registered under that name: \
                 start the service first, or apply a Service document of that name"
            );
            problems.push(found(key, path, message));
        }
    }
}

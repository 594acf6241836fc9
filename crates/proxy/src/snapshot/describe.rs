//! The snapshot for people: what `/config` of the admin port shows.

use std::time::Instant;

use nines_balance::Slot;
use serde_json::{Value, json};

use super::{ListenerPlan, Snapshot, Upstream};
use crate::route::{Action, Backend, Candidate, RoutePath};

impl Snapshot {
    /// Listeners with their rules in the order in which they are tried, and upstreams with their endpoints.
    pub fn describe(&self, now: Instant) -> Value {
        let mut upstreams: Vec<_> = self.upstreams.values().collect();
        upstreams.sort_by(|a, b| a.key.cmp(&b.key));
        json!({
            "revision": self.revision,
            "listeners": self.listeners.iter().map(|plan| listener(plan)).collect::<Vec<_>>(),
            "upstreams": upstreams.into_iter().map(|u| upstream(u, now)).collect::<Vec<_>>(),
        })
    }
}

fn listener(plan: &ListenerPlan) -> Value {
    let hosts = plan.table.in_order().into_iter().map(|(host, candidates)| {
        let rules: Vec<Value> = candidates.into_iter().map(|c| candidate(c)).collect();
        json!({"host": host, "rules": rules})
    });
    json!({
        "name": plan.id.as_str(),
        "address": plan.address.to_string(),
        "listensFor": plan.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "hosts": hosts.collect::<Vec<_>>(),
    })
}

fn candidate(candidate: &Candidate) -> Value {
    let (kind, path) = match &candidate.path {
        RoutePath::Exact(path) => ("exact", &**path),
        RoutePath::Prefix(path) if path.is_empty() => ("prefix", "/"),
        RoutePath::Prefix(path) => ("prefix", &**path),
    };
    let mut value = json!({"rule": &*candidate.rule.name, kind: path, "action": action(&candidate.rule.action)});
    let condition = &candidate.condition;
    if let Some(method) = &condition.method {
        value["method"] = json!(method);
    }
    for (field, pairs) in [("headers", &condition.headers), ("query", &condition.query)] {
        if !pairs.is_empty() {
            value[field] = pairs
                .iter()
                .map(|(name, v)| json!({"name": name, "value": v}))
                .collect();
        }
    }
    value
}

fn action(action: &Action) -> Value {
    match action {
        Action::Forward(forward) => json!({"forward": forward.backends.iter().map(backend).collect::<Vec<_>>()}),
        Action::Redirect { plan, .. } => json!({"redirect": plan.status}),
        Action::Refuse(refusal) => json!({"refuse": refusal.status, "reason": &*refusal.reason}),
    }
}

fn backend(backend: &Backend) -> Value {
    let limits = &backend.limits;
    let millis = |limit: Option<std::time::Duration>| limit.map(nines_base::duration::format);
    let mut value = json!({
        "service": backend.service.to_string(),
        "weight": backend.weight,
        "timeout": millis(limits.request),
        "attemptTimeout": millis(limits.attempt),
        "connectTimeout": millis(limits.connect),
        "retries": limits.retry.attempts,
    });
    if let Err(refusal) = &backend.upstream {
        value["refuse"] = json!(refusal.status);
        value["reason"] = json!(&*refusal.reason);
    }
    value
}

fn upstream(upstream: &Upstream, now: Instant) -> Value {
    let set = upstream.endpoints();
    json!({
        "service": upstream.key.to_string(),
        "algorithm": upstream.balance().algorithm,
        "endpoints": set.slots().iter().map(|slot| endpoint(slot, now)).collect::<Vec<_>>(),
    })
}

fn endpoint(slot: &Slot, now: Instant) -> Value {
    let endpoint = &slot.endpoint;
    let ejected = endpoint
        .ejection(now)
        .map(|(reason, left)| json!({"reason": reason.to_string(), "returnsIn": nines_base::duration::format(left)}));
    json!({
        "id": endpoint.id(),
        "address": endpoint.address().to_string(),
        "weight": slot.weight,
        "state": slot.state.as_str(),
        "labels": &*slot.labels,
        "inFlight": endpoint.in_flight(),
        "latencyMs": endpoint.latency(now).as_secs_f64() * 1000.0,
        "consecutiveErrors": endpoint.consecutive_errors(),
        "ejected": ejected,
    })
}

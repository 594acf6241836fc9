use super::*;
use crate::route::{Action, Backend, Forward, RequestParts};
use nines_model::{Change, Instance, InstanceKey, InstanceState, Port, Protocol, document};
use std::collections::BTreeMap;
use std::time::Duration;

const BASE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: nines
  listeners: [{name: http, protocol: HTTP, port: 8080}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders}
spec:
  parentRefs: [{name: edge}]
  hostnames: [shop.local]
  rules:
  - name: main
    matches: [{path: {type: PathPrefix, value: /orders}}]
    timeouts: {request: 2s}
    backendRefs: [{name: orders, weight: 95}, {name: orders-v2, weight: 5}]
  - matches: [{path: {type: PathPrefix, value: /users}}]
    backendRefs: [{name: users}]
---
apiVersion: nines.dev/v1
kind: Service
metadata: {name: orders-v2}
spec: {selector: {service: orders, labels: {version: v2}}}
---
apiVersion: nines.dev/v1
kind: Policy
metadata: {name: orders}
spec:
  targetRefs: [{kind: Service, name: orders}]
  balance: {algorithm: roundRobin}
  timeout: {connect: 300ms, request: 7s}
  retry: {attempts: 1}
";

struct Get(&'static str, String);

impl RequestParts for Get {
    fn method(&self) -> &[u8] {
        b"GET"
    }
    fn host(&self) -> &[u8] {
        self.0.as_bytes()
    }
    fn path(&self) -> &[u8] {
        self.1.as_bytes()
    }
    fn query(&self) -> Option<&[u8]> {
        None
    }
    fn header(&self, _: &str) -> Option<&[u8]> {
        None
    }
}

fn catalog(text: &str) -> Catalog {
    let mut catalog = Catalog::default();
    for resource in document::parse(text, None).unwrap() {
        catalog.apply(Change::Resource(resource));
    }
    for (id, number, version) in [("o1", 1, "v1"), ("o2", 2, "v2")] {
        catalog.apply(Change::Instance(instance(id, number, version)));
    }
    catalog
}

fn instance(id: &str, number: u16, version: &str) -> Instance {
    Instance {
        key: InstanceKey::new(ServiceKey::new("default", "orders"), id),
        address: "127.0.0.1".parse().unwrap(),
        ports: vec![Port {
            name: "http".into(),
            number,
            protocol: Protocol::Http,
        }],
        labels: BTreeMap::from([("version".into(), version.into())]),
        weight: 100,
        state: InstanceState::Ready,
        disabled: false,
        revision: 1,
    }
}

fn compile(catalog: &Catalog, previous: Option<&Snapshot>) -> (Snapshot, Vec<String>) {
    let (snapshot, problems) = Snapshot::compile(catalog, previous, &Clock::manual().0);
    (snapshot, problems.iter().map(Problem::to_string).collect())
}

fn clean(text: &str) -> Snapshot {
    let (snapshot, problems) = compile(&catalog(text), None);
    assert_eq!(problems, Vec::<String>::new());
    snapshot
}

fn rule_of<'a>(snapshot: &'a Snapshot, path: &str) -> &'a Arc<crate::route::CompiledRule> {
    snapshot.listeners[0]
        .find(&Get("shop.local", path.into()))
        .unwrap()
        .rule
}

fn forward<'a>(snapshot: &'a Snapshot, path: &str) -> &'a Forward {
    match &rule_of(snapshot, path).action {
        Action::Forward(forward) => forward,
        other => panic!("{other:?}"),
    }
}

fn upstream(backend: &Backend) -> &Arc<Upstream> {
    backend.upstream.as_ref().unwrap()
}

#[test]
fn a_catalog_becomes_listeners_rules_and_upstreams() {
    let snapshot = clean(BASE);
    let plan = &snapshot.listeners[0];
    assert_eq!(
        (plan.id.as_str(), plan.address),
        ("default/edge/http", "127.0.0.1:8080".parse().unwrap())
    );
    assert_eq!(&*rule_of(&snapshot, "/orders/1").name, "default/orders/main");
    assert_eq!(&*rule_of(&snapshot, "/users").name, "default/orders/1");
    assert!(plan.find(&Get("other.local", "/orders".into())).is_none());
    let forward = forward(&snapshot, "/orders");
    let ids = |backend| -> Vec<String> {
        upstream(backend)
            .endpoints()
            .slots()
            .iter()
            .map(|slot| slot.endpoint.id().to_owned())
            .collect()
    };
    assert_eq!(ids(&forward.backends[0]), ["o1", "o2"]);
    assert_eq!(ids(&forward.backends[1]), ["o2"]);
}

#[test]
fn limits_come_from_the_route_then_the_policy_then_the_defaults() {
    let snapshot = clean(BASE);
    let backends = &forward(&snapshot, "/orders").backends;
    let (governed, plain) = (&backends[0].limits, &backends[1].limits);
    assert_eq!(governed.request, Some(Duration::from_secs(2)));
    assert_eq!(governed.connect, Some(Duration::from_millis(300)));
    assert_eq!((governed.retry.attempts, plain.retry.attempts), (1, 2));
    assert_eq!(plain.connect, Some(Duration::from_secs(1)));
    let users = &forward(&snapshot, "/users").backends[0].limits;
    assert_eq!(users.request, Some(Duration::from_secs(15)));
    let of_policy = clean(&BASE.replace("    timeouts: {request: 2s}\n", ""));
    assert_eq!(
        forward(&of_policy, "/orders").backends[0].limits.request,
        Some(Duration::from_secs(7))
    );
    let off = clean(&BASE.replace("{request: 2s}", "{request: 0s}"));
    assert_eq!(forward(&off, "/orders").backends[0].limits.request, None);
}

#[test]
fn an_edit_leaves_identities_and_statistics_alone() {
    let before = clean(BASE);
    let old = &forward(&before, "/orders").backends[0];
    let endpoint = upstream(old).endpoints().slots()[0].endpoint.clone();
    let edited = catalog(
        &BASE
            .replace("weight: 95", "weight: 50")
            .replace("roundRobin", "weighted"),
    );
    let (after, _) = compile(&edited, Some(&before));
    let new = &forward(&after, "/orders").backends[0];
    assert!(Arc::ptr_eq(upstream(old), upstream(new)));
    assert!(Arc::ptr_eq(&endpoint, &upstream(new).endpoints().slots()[0].endpoint));
    assert_eq!(rule_of(&before, "/orders").id, rule_of(&after, "/orders").id);
    assert_eq!(
        upstream(old).balance().algorithm,
        nines_model::policy::Algorithm::Weighted
    );
    assert_eq!(new.weight, 50);
}

#[test]
fn ids_of_what_went_are_not_given_again() {
    let before = clean(BASE);
    let users = upstream(&forward(&before, "/users").backends[0]).id;
    let without = catalog(
        &BASE
            .replace("name: users", "name: people")
            .replace("name: main", "name: first"),
    );
    let (after, _) = compile(&without, Some(&before));
    assert!(before.upstreams.values().all(|old| old.id <= users));
    assert!(upstream(&forward(&after, "/users").backends[0]).id > users);
    assert!(rule_of(&after, "/orders").id > rule_of(&before, "/users").id);
}

#[test]
fn instances_change_without_compiling() {
    let snapshot = clean(BASE);
    let mut catalog = catalog(BASE);
    let now = Clock::manual().0.now();
    assert_eq!(snapshot.refresh_endpoints(&catalog, now), 0);
    catalog.apply(Change::InstanceGone(InstanceKey::new(
        ServiceKey::new("default", "orders"),
        "o1",
    )));
    assert_eq!(snapshot.refresh_endpoints(&catalog, now), 1);
    let backend = &forward(&snapshot, "/orders").backends[0];
    assert_eq!(upstream(backend).endpoints().len(), 1);
}

#[test]
fn interest_is_in_the_registered_services() {
    let services: Vec<String> = services(&catalog(BASE)).iter().map(ToString::to_string).collect();
    assert_eq!(services, ["default/orders", "default/users"]);
}

#[test]
fn a_rule_whose_weights_are_all_zero_refuses_and_the_others_serve() {
    let mut catalog = catalog(BASE);
    for resource in catalog.resources.values_mut() {
        if let Resource::HttpRoute(route) = resource {
            route.spec.rules[0]
                .backend_refs
                .iter_mut()
                .for_each(|backend| backend.weight = 0);
        }
    }
    let (snapshot, problems) = compile(&catalog, None);
    assert!(problems[0].contains("neither a backend with a weight"), "{problems:?}");
    assert!(matches!(&rule_of(&snapshot, "/orders").action, Action::Refuse(refusal) if refusal.status == 500));
    assert_eq!(forward(&snapshot, "/users").backends.len(), 1);
}

#[test]
fn a_rule_without_a_target_refuses_with_500() {
    let mut catalog = catalog(BASE);
    for resource in catalog.resources.values_mut() {
        if let Resource::HttpRoute(route) = resource {
            route.spec.rules[1].backend_refs.clear();
            route.spec.rules[0].backend_refs[1].kind = Some("Bucket".into());
        }
    }
    let (snapshot, problems) = compile(&catalog, None);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(matches!(&rule_of(&snapshot, "/users").action, Action::Refuse(refusal) if refusal.status == 500));
    let backends = &forward(&snapshot, "/orders").backends;
    assert!(backends[0].upstream.is_ok());
    assert_eq!(
        backends[1].upstream.as_ref().err().map(|refusal| refusal.status),
        Some(500)
    );
}

#[test]
fn a_second_listener_on_a_port_and_a_lost_parent_are_reported() {
    let mut catalog = catalog(BASE);
    for resource in catalog.resources.values_mut() {
        match resource {
            Resource::Gateway(gateway) => {
                let mut second = gateway.spec.listeners[0].clone();
                second.name = "again".into();
                gateway.spec.listeners.push(second);
            }
            Resource::HttpRoute(route) => {
                let mut lost = route.spec.parent_refs[0].clone();
                lost.name = "nowhere".into();
                route.spec.parent_refs.push(lost);
            }
            _ => {}
        }
    }
    let (snapshot, problems) = compile(&catalog, None);
    assert_eq!(snapshot.listeners.len(), 1);
    assert!(
        problems[0].contains("127.0.0.1:8080 is taken by listener default/edge/http"),
        "{problems:?}"
    );
    assert!(problems[1].contains("Gateway `nowhere`"), "{problems:?}");
}

#[test]
fn listeners_with_different_hosts_share_a_port() {
    let mut catalog = catalog(BASE);
    for resource in catalog.resources.values_mut() {
        if let Resource::Gateway(gateway) = resource {
            gateway.spec.listeners[0].hostname = Some("elsewhere.local".into());
            let mut second = gateway.spec.listeners[0].clone();
            second.name = "shop".into();
            second.hostname = Some("shop.local".into());
            gateway.spec.listeners.push(second);
        }
    }
    let (snapshot, problems) = compile(&catalog, None);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(snapshot.listeners.len(), 1, "one socket");
    let value = snapshot.describe(Clock::manual().0.now());
    assert_eq!(
        value["listeners"][0]["listensFor"],
        serde_json::json!(["elsewhere.local", "shop.local"])
    );
    assert_eq!(value["listeners"][0]["hosts"][0]["host"], "shop.local");
}

#[test]
fn an_empty_catalog_listens_nowhere() {
    let (snapshot, problems) = compile(&Catalog::default(), None);
    assert!(snapshot.listeners.is_empty() && problems.is_empty());
}

#[test]
fn the_description_shows_rules_and_endpoints() {
    let value = clean(BASE).describe(Clock::manual().0.now());
    assert_eq!(value["listeners"][0]["hosts"][0]["host"], "shop.local");
    assert_eq!(value["listeners"][0]["hosts"][0]["rules"][0]["prefix"], "/orders");
    assert_eq!(value["upstreams"][0]["endpoints"][0]["id"], "o1");
    assert_eq!(value["upstreams"][0]["algorithm"], "roundRobin");
}

#[test]
fn five_thousand_routes_are_found_again() {
    let mut catalog = catalog(BASE);
    let template = catalog
        .resources
        .values()
        .find(|r| matches!(r, Resource::HttpRoute(_)))
        .cloned();
    let Some(Resource::HttpRoute(template)) = template else {
        panic!("no route")
    };
    for number in 0..5000 {
        let mut route = template.clone();
        route.metadata.name = format!("r{number}");
        route.spec.rules.truncate(1);
        let path = route.spec.rules[0].matches[0].path.as_mut().unwrap();
        path.value = format!("/many/{number}");
        catalog.apply(Change::Resource(Resource::HttpRoute(route)));
    }
    let (snapshot, problems) = compile(&catalog, None);
    assert!(problems.is_empty());
    for number in 0..5000 {
        let name = format!("default/r{number}/main");
        assert_eq!(*rule_of(&snapshot, &format!("/many/{number}/x")).name, *name);
    }
}

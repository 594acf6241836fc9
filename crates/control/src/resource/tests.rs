//! Plans and reach, without a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use nines_model::check::Resources as State;
use nines_model::document::parse_documents;
use nines_model::{Instance, InstanceKey, InstanceState, Kind, Registration, ServiceKey};

use super::Resources;
use super::plan::{Outcome, Step, plan};
use super::touch::{Touched, touched};
use crate::mirror::Mirror;

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: nines, listeners: [{name: http, protocol: HTTP, port: 8080}]}
";

fn service(name: &str, spec: &str) -> String {
    format!("apiVersion: nines.dev/v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn route(name: &str, path: &str, backend: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}}}\nspec:\n  \
         parentRefs: [{{name: edge}}]\n  rules:\n  - matches: [{{path: {{value: {path}}}}}]\n    \
         backendRefs: [{{name: {backend}}}]\n"
    )
}

fn policy(target: &str, name: &str) -> String {
    format!(
        "apiVersion: nines.dev/v1\nkind: Policy\nmetadata: {{name: p-{name}}}\nspec:\n  \
         targetRefs: [{{kind: {target}, name: {name}}}]\n  retry: {{attempts: 1}}\n"
    )
}

fn state(documents: &[String]) -> State {
    let parsed = parse_documents(&documents.join("---\n"), None).unwrap();
    parsed
        .into_iter()
        .map(|document| (document.key(), document.resource))
        .collect()
}

fn shop() -> State {
    state(&[
        GATEWAY.into(),
        service("orders", "{}"),
        service("canary", "{selector: {service: orders, labels: {version: v2}}}"),
        service("users", "{}"),
        route("orders", "/orders", "orders"),
        route("canary", "/canary", "canary"),
        route("users", "/users", "users"),
    ])
}

fn steps(documents: &[String]) -> Result<Vec<Step>, Vec<String>> {
    let documents = parse_documents(&documents.join("---\n"), None).unwrap();
    let planned = plan(&shop(), &documents, |_| false);
    planned
        .map(|plan| plan.steps)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn a_document_is_created_updated_or_left_alone() {
    let planned = steps(&[
        service("new", "{}"),
        service("users", "{port: http}"),
        service("orders", "{}"),
    ])
    .unwrap();
    let outcomes: Vec<Outcome> = planned.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, [Outcome::Created, Outcome::Updated, Outcome::Unchanged]);
    assert!(
        planned[0]
            .diff()
            .starts_with("--- /dev/null\n+++ Service/default/new\n"),
        "{}",
        planned[0].diff()
    );
    assert!(
        planned[1].diff().contains("+    \"port\": \"http\""),
        "{}",
        planned[1].diff()
    );
    assert_eq!(planned[2].diff(), "");
}

#[test]
fn a_problem_stands_at_its_line() {
    let problems = steps(&[service("new", "{}"), route("lost", "/lost", "nobody")]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains(":13:") && problems[0].contains("nobody"),
        "{problems:?}"
    );
}

#[test]
fn an_old_problem_elsewhere_does_not_stop_a_change_but_one_of_the_documents_does() {
    let broken: State = [shop(), state(&[route("lost", "/lost", "gone")])]
        .into_iter()
        .flatten()
        .collect();
    let apply = |document: String| plan(&broken, &parse_documents(&document, None).unwrap(), |_| false);
    assert!(apply(service("users", "{port: http}")).is_ok());
    assert!(apply(route("lost", "/lost", "gone")).is_err());
    assert!(apply(service("gone", "{}")).is_ok());
}

#[tokio::test]
async fn two_servers_lose_no_change() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = crate::testing::store(dir.path());
    let replicas = [(); 2].map(|()| Resources::new(store.clone(), Mirror::new()));
    let applies = (0..32).map(|n| replicas[n % 2].apply(service(&format!("s{n}"), "{}"), false));
    for applied in join_all(applies).await {
        assert_eq!(applied.unwrap().steps[0].outcome, Outcome::Created);
    }
    let (all, _) = replicas[0].list(Kind::Service, None).await.unwrap();
    assert_eq!(all.len(), 32);
}

#[tokio::test]
async fn what_would_be_wrong_together_is_planned_again() {
    for _ in 0..20 {
        let dir = tempfile::TempDir::new().unwrap();
        let store = crate::testing::store(dir.path());
        let [one, other] = [(); 2].map(|()| Resources::new(store.clone(), Mirror::new()));
        one.apply(service("orders", "{}"), false).await.unwrap();
        let key = parse_documents(&service("orders", "{}"), None).unwrap()[0].key();
        let route = [GATEWAY.to_owned(), route("orders", "/orders", "orders")].join("---\n");
        let (applied, deleted) = tokio::join!(one.apply(route, false), other.delete(&key));
        assert_ne!(applied.is_ok(), deleted.is_ok(), "{applied:?} {deleted:?}");
    }
}

fn instance(service: &str, id: &str, version: &str) -> Arc<Instance> {
    let registration = Registration {
        address: "10.0.0.7".parse().unwrap(),
        ports: Vec::new(),
        labels: BTreeMap::from([("version".to_owned(), version.to_owned())]),
        weight: 100,
        state: InstanceState::Ready,
    };
    let key = InstanceKey::new(ServiceKey::new("default", service), id);
    Arc::new(Instance::join(key, &registration, true, None, 1))
}

/// What an apply of one document touches: routes, services, instances.
fn reach(document: String) -> (String, String, usize) {
    let registered = |service: &ServiceKey| match service.name.as_str() {
        "orders" => vec![instance("orders", "a", "v1"), instance("orders", "b", "v2")],
        "users" => vec![instance("users", "a", "v1")],
        _ => Vec::new(),
    };
    let Touched {
        routes,
        services,
        instances,
    } = touched(&steps(&[document]).unwrap(), &shop(), registered);
    let join = |names: std::collections::BTreeSet<String>| {
        let names: Vec<&str> = names.iter().map(|name| name.trim_start_matches("default/")).collect();
        names.join(" ")
    };
    (join(routes), join(services), instances)
}

#[test]
fn a_change_reaches_what_hangs_on_it() {
    let everywhere = ("canary orders users".to_owned(), "canary orders users".to_owned(), 3);
    let table = [
        (service("orders", "{}"), ("", "", 0)),
        (service("orders", "{port: http}"), ("orders", "orders", 2)),
        (
            service("canary", "{selector: {service: orders, labels: {version: v1}}}"),
            ("canary", "canary", 1),
        ),
        (service("lone", "{}"), ("", "lone", 0)),
        (route("users", "/users", "orders"), ("users", "orders users", 3)),
        (policy("Service", "users"), ("users", "users", 1)),
        (policy("HTTPRoute", "canary"), ("canary", "canary", 1)),
    ];
    for (document, (routes, services, instances)) in table {
        let expected = (routes.to_owned(), services.to_owned(), instances);
        assert_eq!(reach(document.clone()), expected, "{document}");
    }
    assert_eq!(reach(GATEWAY.replace("8080", "8081")), everywhere);
}

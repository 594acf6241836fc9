use super::*;
use std::net::TcpListener;

use nines_model::{Change, Instance, InstanceKey, InstanceState, Port, Protocol, ServiceKey, document};

const ROUTE: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: app}\n\
    spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: app}]}]}\n";

/// Nobody serves; what is in force can be seen all the same.
fn publisher() -> Publisher {
    Publisher::new(Clock::manual().0, Metrics::new(1), Health::new(), Vec::new())
}

/// A Gateway with a listener on each of these ports, a route, and so many instances of its service.
fn catalog(ports: &[u16], instances: u16) -> Catalog {
    let listeners: Vec<String> = ports
        .iter()
        .enumerate()
        .map(|(i, port)| format!("{{name: l{i}, protocol: HTTP, port: {port}}}"))
        .collect();
    let gateway = format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: edge}}\n\
         spec: {{gatewayClassName: nines, listeners: [{}]}}\n",
        listeners.join(", ")
    );
    let mut catalog = Catalog::default();
    for resource in document::parse(&format!("{gateway}---\n{ROUTE}"), None).expect("valid") {
        catalog.apply(Change::Resource(resource));
    }
    for number in 1..=instances {
        catalog.apply(Change::Instance(instance(number)));
    }
    catalog
}

fn instance(number: u16) -> Instance {
    Instance {
        key: InstanceKey::new(ServiceKey::new("default", "app"), format!("i{number}")),
        address: "127.0.0.1".parse().expect("an address"),
        ports: vec![Port {
            name: "http".into(),
            number,
            protocol: Protocol::Http,
        }],
        labels: [].into(),
        weight: 100,
        state: InstanceState::Ready,
        disabled: false,
        revision: 1,
    }
}

fn taken() -> (TcpListener, u16) {
    let held = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = held.local_addr().expect("bound").port();
    (held, port)
}

fn endpoints(publisher: &Publisher) -> usize {
    let shown = publisher.describe();
    shown["upstreams"][0]["endpoints"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn a_refused_edit_keeps_the_listeners_and_the_endpoints_up_to_date() {
    let publisher = publisher();
    publisher.publish(&catalog(&[0], 1)).await.whole().expect("in force");
    let before = publisher.listeners();
    let (held, port) = taken();
    for instances in [3, 2] {
        let published = publisher.publish(&catalog(&[port, 0], instances)).await;
        assert!(
            matches!(published, Published::Refused(Error::Listen { .. })),
            "{published:?}"
        );
        assert_eq!(publisher.listeners(), before);
        assert_eq!(endpoints(&publisher), usize::from(instances));
    }
    drop(held);
    publisher
        .publish(&catalog(&[port, 0], 2))
        .await
        .whole()
        .expect("in force");
    let ports: Vec<u16> = publisher
        .listeners()
        .iter()
        .map(|(_, address)| address.port())
        .collect();
    assert!(ports.len() == 2 && ports.contains(&port), "{ports:?}");
}

#[tokio::test]
async fn where_nothing_serves_yet_the_other_listeners_open_and_the_taken_one_follows() {
    let publisher = publisher();
    let (held, port) = taken();
    let catalog = catalog(&[0, port], 1);
    for _ in 0..2 {
        let published = publisher.publish(&catalog).await;
        assert!(
            matches!(published, Published::Partly(Error::Listen { .. })),
            "{published:?}"
        );
        assert_eq!(publisher.listeners().len(), 1);
    }
    drop(held);
    publisher.publish(&catalog).await.whole().expect("in force");
    assert_eq!(publisher.listeners().len(), 2);
}

#[tokio::test]
async fn a_listener_that_is_not_open_holds_up_no_other_edit() {
    let publisher = publisher();
    let (_held, port) = taken();
    let partly = publisher.publish(&catalog(&[0, port], 1)).await;
    assert!(matches!(partly, Published::Partly(_)), "{partly:?}");
    let mut edited = catalog(&[0, port], 1);
    edited.resources.retain(|key, _| key.name != "app");
    let published = publisher.publish(&edited).await;
    assert!(matches!(published, Published::Partly(_)), "{published:?}");
    assert_eq!(endpoints(&publisher), 0, "the route is gone");
}

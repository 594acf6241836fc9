use super::*;
use nines_model::{Change, InstanceKey, Metadata, Object, Port, Protocol};

fn key(name: &str) -> ServiceKey {
    ServiceKey::new("default", name)
}

fn port(name: &str, number: u16) -> Port {
    Port {
        name: name.into(),
        number,
        protocol: Protocol::Http,
    }
}

fn instance(service: &str, id: &str, version: &str, state: InstanceState) -> Instance {
    let number: u16 = id[1..].parse().unwrap();
    Instance {
        key: InstanceKey::new(key(service), id),
        address: "127.0.0.1".parse().unwrap(),
        ports: vec![port("http", 8000 + number), port("admin", 9000 + number)],
        labels: BTreeMap::from([("version".into(), version.into())]),
        weight: 100,
        state,
        disabled: false,
        revision: 1,
    }
}

fn service(name: &str, spec: Service) -> Change {
    let metadata = Metadata {
        namespace: "default".into(),
        name: name.into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    };
    Change::Resource(Resource::Service(Object { metadata, spec }))
}

fn select(service: Option<&str>, version: Option<&str>) -> Option<Selector> {
    Some(Selector {
        service: service.map(str::to_owned),
        labels: version
            .iter()
            .map(|v| ("version".to_owned(), (*v).to_owned()))
            .collect(),
    })
}

fn fleet() -> Catalog {
    let mut catalog = Catalog::default();
    for (id, version, state) in [
        ("o1", "v1", InstanceState::Ready),
        ("o2", "v1", InstanceState::Ready),
        ("o3", "v2", InstanceState::Ready),
        ("o4", "v2", InstanceState::Suspect),
        ("o5", "v1", InstanceState::Draining),
        ("o6", "v1", InstanceState::Starting),
        ("o7", "v1", InstanceState::Down),
    ] {
        catalog.apply(Change::Instance(instance("orders", id, version, state)));
    }
    catalog
}

fn check(catalog: &Catalog, name: &str, expected: &[&str]) {
    let members = resolve(catalog, &key(name));
    let found: Vec<String> = members
        .iter()
        .map(|m| format!("{} {}", m.id, m.address.port()))
        .collect();
    assert_eq!(found, expected, "{name}");
}

#[test]
fn a_registered_service_needs_no_resource() {
    check(&fleet(), "orders", &["o1 8001", "o2 8002", "o3 8003", "o4 8004"]);
    check(&fleet(), "nobody", &[]);
}

#[test]
fn a_service_without_selector_takes_all_instances_of_its_name() {
    let mut catalog = fleet();
    catalog.apply(service("orders", Service::default()));
    check(&catalog, "orders", &["o1 8001", "o2 8002", "o3 8003", "o4 8004"]);
}

#[test]
fn a_canary_is_two_services() {
    let mut catalog = fleet();
    for (name, version) in [("orders-v1", "v1"), ("orders-v2", "v2"), ("orders-v3", "v3")] {
        let selector = select(Some("orders"), Some(version));
        catalog.apply(service(
            name,
            Service {
                selector,
                ..Service::default()
            },
        ));
    }
    check(&catalog, "orders-v1", &["o1 8001", "o2 8002"]);
    check(&catalog, "orders-v2", &["o3 8003", "o4 8004"]);
    check(&catalog, "orders-v3", &[]);
    assert_eq!(registered(&catalog, &key("orders-v2")), key("orders"));
    assert_eq!(registered(&catalog, &key("orders")), key("orders"));
}

#[test]
fn labels_narrow_the_service_of_the_same_name() {
    let mut catalog = fleet();
    let selector = select(None, Some("v2"));
    catalog.apply(service(
        "orders",
        Service {
            selector,
            ..Service::default()
        },
    ));
    check(&catalog, "orders", &["o3 8003", "o4 8004"]);
}

#[test]
fn the_named_port_is_used_and_who_lacks_it_is_no_member() {
    let mut catalog = fleet();
    let mut lacking = instance("orders", "o1", "v1", InstanceState::Ready);
    lacking.ports.truncate(1);
    catalog.apply(Change::Instance(lacking));
    let port = Some("admin".to_owned());
    catalog.apply(service(
        "orders",
        Service {
            port,
            ..Service::default()
        },
    ));
    check(&catalog, "orders", &["o2 9002", "o3 9003", "o4 9004"]);
}

#[test]
fn static_endpoints_join_the_registered_ones() {
    let mut catalog = fleet();
    let endpoint = |address: &str, weight| Endpoint {
        address: address.into(),
        weight,
        labels: BTreeMap::new(),
    };
    let spec = Service {
        selector: select(None, Some("v1")),
        endpoints: vec![
            endpoint("10.0.0.1:80", 1),
            endpoint("10.0.0.1:80", 2),
            endpoint("[::1]:81", 1),
            endpoint("nowhere", 1),
            endpoint("10.0.0.2:80", 0),
        ],
        ..Service::default()
    };
    catalog.apply(service("orders", spec));
    check(
        &catalog,
        "orders",
        &["10.0.0.1:80 80", "[::1]:81 81", "o1 8001", "o2 8002"],
    );
}

#[test]
fn weight_zero_takes_no_traffic() {
    let mut catalog = fleet();
    let mut idle = instance("orders", "o1", "v1", InstanceState::Ready);
    idle.weight = 0;
    catalog.apply(Change::Instance(idle));
    check(&catalog, "orders", &["o2 8002", "o3 8003", "o4 8004"]);
}

#[test]
fn suspects_stand_last_and_are_told_apart() {
    let members = resolve(&fleet(), &key("orders"));
    let suspects: Vec<bool> = members.iter().map(Member::suspect).collect();
    assert_eq!(suspects, [false, false, false, true]);
}

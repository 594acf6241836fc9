//! What is written reads back, and what is wrong is named.

use std::collections::BTreeMap;
use std::net::IpAddr;

use nines_model::{
    Change, ConfigItem, ConfigKey, Format, Instance, InstanceKey, InstanceState, Interest, Kind, Namespaces, Port,
    Protocol, Registration, Resource, ResourceKey, ServiceKey,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::proto;

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9.-]{0,6}[a-z0-9])?"
}

fn service_key() -> impl Strategy<Value = ServiceKey> {
    (name(), name()).prop_map(|(namespace, name)| ServiceKey::new(namespace, name))
}

fn key() -> impl Strategy<Value = InstanceKey> {
    (service_key(), name()).prop_map(|(service, id)| InstanceKey::new(service, id))
}

fn port() -> impl Strategy<Value = Port> {
    let protocol = prop::sample::select(vec![Protocol::Http, Protocol::Http2, Protocol::Grpc, Protocol::Tcp]);
    (name(), 1u16.., protocol).prop_map(|(name, number, protocol)| Port { name, number, protocol })
}

fn state() -> impl Strategy<Value = InstanceState> {
    prop::sample::select(vec![
        InstanceState::Starting,
        InstanceState::Ready,
        InstanceState::Draining,
        InstanceState::Suspect,
        InstanceState::Down,
    ])
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-z]{1,5}", "[a-zA-Z0-9 ]{0,5}", 0..4)
}

fn registration() -> impl Strategy<Value = Registration> {
    let ports = prop::collection::vec(port(), 0..4);
    (any::<IpAddr>(), ports, labels(), any::<u32>(), state()).prop_map(|(address, ports, labels, weight, state)| {
        Registration {
            address,
            ports,
            labels,
            weight,
            state,
        }
    })
}

fn instance() -> impl Strategy<Value = Instance> {
    (key(), registration(), any::<bool>(), any::<u64>()).prop_map(|(key, registration, disabled, revision)| Instance {
        key,
        address: registration.address,
        ports: registration.ports,
        labels: registration.labels,
        weight: registration.weight,
        state: registration.state,
        disabled,
        revision,
    })
}

fn config() -> impl Strategy<Value = ConfigItem> {
    (name(), name(), any::<u64>(), any::<String>()).prop_map(|(namespace, name, version, content)| ConfigItem {
        key: ConfigKey::new(namespace, name),
        version,
        format: Format::Text,
        content,
        schema: None,
        sha256: String::new(),
        author: None,
        note: None,
        published_at: String::new(),
        revision: 7,
    })
}

fn service_resource(name: &str) -> Resource {
    let document = json!({"apiVersion": "nines.dev/v1", "kind": "Service", "metadata": {"name": name}, "spec": {}});
    Resource::from_json(&document).unwrap()
}

fn resource_key() -> impl Strategy<Value = ResourceKey> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    (kind, name(), name()).prop_map(|(kind, namespace, name)| ResourceKey { kind, namespace, name })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        instance().prop_map(Change::Instance),
        key().prop_map(Change::InstanceGone),
        name().prop_map(|name| Change::Resource(service_resource(&name))),
        resource_key().prop_map(Change::ResourceGone),
        config().prop_map(Change::Config),
        (name(), name()).prop_map(|(namespace, name)| Change::ConfigGone(ConfigKey::new(namespace, name))),
    ]
}

fn namespaces() -> impl Strategy<Value = Namespaces> {
    prop_oneof![
        Just(Namespaces::All),
        prop::collection::btree_set(name(), 1..3).prop_map(Namespaces::Only),
    ]
}

fn interest() -> impl Strategy<Value = Interest> {
    let services = prop::collection::btree_set(service_key(), 0..4);
    let kinds = prop::collection::btree_map(prop::sample::select(Kind::ALL.to_vec()), namespaces(), 0..3);
    let configs = prop::collection::btree_set((name(), name()), 0..3);
    (namespaces(), services, kinds, configs).prop_map(|(namespaces, services, kinds, configs)| Interest {
        namespaces,
        services,
        kinds,
        configs: configs
            .into_iter()
            .map(|(namespace, name)| ConfigKey::new(namespace, name))
            .collect(),
    })
}

proptest! {
    #[test]
    fn registrations_read_back(registration in registration()) {
        prop_assert_eq!(registration_from_proto(Some(registration_to_proto(&registration))), Ok(registration));
    }

    #[test]
    fn changes_read_back(change in change()) {
        let message = change_to_proto(&change, 7).unwrap();
        prop_assert_eq!(change_from_proto(message), Ok(change));
    }

    #[test]
    fn subscriptions_read_back(interest in interest(), resume_from: u64, labels in labels(), opening: Option<u64>) {
        let history = opening.map(|opening| proto::History { store: 7, opening });
        let subscribe = Subscribe { subscriber: "test".into(), interest, resume_from, labels, history };
        prop_assert_eq!(Subscribe::from_proto(subscribe.to_proto()), Ok(subscribe));
    }
}

fn good_registration() -> proto::Registration {
    proto::Registration {
        address: "::1".into(),
        ports: vec![proto::Port {
            name: "http".into(),
            number: 80,
            protocol: String::new(),
        }],
        labels: Default::default(),
        weight: 1,
        state: "ready".into(),
    }
}

/// The field that the error names.
fn check(break_it: impl FnOnce(&mut proto::Registration)) -> String {
    let mut registration = good_registration();
    break_it(&mut registration);
    match registration_from_proto(Some(registration)) {
        Ok(_) => "accepted".into(),
        Err(error) => error.field,
    }
}

#[test]
fn a_wrong_registration_names_its_field() {
    assert_eq!(check(|_| ()), "accepted");
    assert_eq!(check(|r| r.address = "localhost".into()), "registration.address");
    assert_eq!(check(|r| r.state = "READY".into()), "registration.state");
    assert_eq!(check(|r| r.state = String::new()), "registration.state");
    assert_eq!(check(|r| r.ports[0].name = String::new()), "registration.ports[0].name");
    assert_eq!(check(|r| r.ports[0].number = 0), "registration.ports[0].number");
    assert_eq!(check(|r| r.ports[0].number = 65_536), "registration.ports[0].number");
    assert_eq!(
        check(|r| r.ports[0].protocol = "udp".into()),
        "registration.ports[0].protocol"
    );
    let missing = registration_from_proto(None).expect_err("nothing there");
    assert_eq!(missing.to_string(), "registration: is missing");
}

/// The field that the error names.
fn check_interest(change_it: impl FnOnce(&mut proto::Interest)) -> String {
    let mut interest = proto::Interest {
        subscriber: "test".into(),
        ..Default::default()
    };
    change_it(&mut interest);
    match Subscribe::from_proto(interest) {
        Ok(_) => "accepted".into(),
        Err(error) => error.field,
    }
}

#[test]
fn a_wrong_interest_names_its_field() {
    let service = |namespace: &str, service: &str| proto::ServiceInterest {
        namespace: namespace.into(),
        service: service.into(),
    };
    let kind = |kind: &str| proto::KindInterest {
        namespace: String::new(),
        kind: kind.into(),
    };
    assert_eq!(
        check_interest(|i| i.services = vec![service("", ""), service("a", ""), service("a", "b")]),
        "accepted"
    );
    assert_eq!(
        check_interest(|i| i.services = vec![service("", "orders")]),
        "services[0].namespace"
    );
    assert_eq!(
        check_interest(|i| i.services = vec![service("a", "B")]),
        "services[0].service"
    );
    assert_eq!(
        check_interest(|i| i.services = vec![service("a", ""); MAX_INTEREST + 1]),
        "interest"
    );
    assert_eq!(
        check_interest(|i| i.kinds = vec![kind("Policy"), kind("policy")]),
        "kinds[1].kind"
    );
    assert_eq!(
        check_interest(|i| i.configs = vec![Default::default()]),
        "configs[0].namespace"
    );
    assert_eq!(check_interest(|i| i.subscriber = String::new()), "subscriber");
    assert_eq!(
        check_interest(|i| i.labels = [("a".into(), "\n".into())].into()),
        "labels"
    );
}

#[test]
fn a_document_must_be_what_its_name_says() {
    let mut message = change_to_proto(&Change::Resource(service_resource("orders")), 1).unwrap();
    if let Some(proto::change::Subject::Resource(document)) = &mut message.subject {
        document.name.as_mut().unwrap().name = "users".into();
    }
    let error = change_from_proto(message).expect_err("another name");
    assert_eq!(error.field, "resource.json");
    let nothing = change_from_proto(proto::Change { subject: None }).expect_err("empty");
    assert_eq!(nothing.field, "subject");
}

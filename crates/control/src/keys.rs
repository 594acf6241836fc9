//! Where each record lies in the store, and back.

use nines_model::{ConfigKey, InstanceKey, Kind, ResourceKey, ServiceKey};

/// Everything the control plane writes lies under it.
pub const ROOT: &str = "/";
/// What instances say of themselves; on no lease.
pub const REGISTRATIONS: &str = "/reg/";
/// The session an instance hangs on; on the session's lease.
pub const LIVENESS: &str = "/live/";
/// What operators set; on no lease.
pub const OVERRIDES: &str = "/ovr/";
/// Configuration items in force.
pub const CONFIGS: &str = "/cfg/";
/// Resources.
pub const RESOURCES: &str = "/res/";

/// What a key is about, as far as the mirror follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    Registration(InstanceKey),
    Liveness(InstanceKey),
    Override(InstanceKey),
    Config(ConfigKey),
    Resource(ResourceKey),
}

/// `/reg/{ns}/{service}/{id}`.
pub fn registration(key: &InstanceKey) -> String {
    format!("{REGISTRATIONS}{key}")
}

/// `/live/{ns}/{service}/{id}`.
pub fn liveness(key: &InstanceKey) -> String {
    format!("{LIVENESS}{key}")
}

/// `/ovr/{ns}/{service}/{id}`.
pub fn over(key: &InstanceKey) -> String {
    format!("{OVERRIDES}{key}")
}

/// `/cfg/{ns}/{name}`: the version in force.
pub fn config(key: &ConfigKey) -> String {
    format!("{CONFIGS}{key}")
}

/// `/cfg/{ns}/`: the items of a namespace.
pub fn configs(namespace: &str) -> String {
    format!("{CONFIGS}{namespace}/")
}

/// `/cfgh/{ns}/{name}/{version}`, the number padded so that keys sort by it.
pub fn config_version(key: &ConfigKey, version: u64) -> String {
    format!("/cfgh/{key}/{version:020}")
}

/// `/cfgh/{ns}/{name}/`: the kept versions of an item.
pub fn config_versions(key: &ConfigKey) -> String {
    format!("/cfgh/{key}/")
}

/// `/cfgv/{ns}/{name}`: the last version number used; outlives the item.
pub fn config_counter(key: &ConfigKey) -> String {
    format!("/cfgv/{key}")
}

/// `/res/{Kind}/{ns}/{name}`.
pub fn resource(key: &ResourceKey) -> String {
    format!("{RESOURCES}{key}")
}

/// `/res/{Kind}/`: the resources of a kind.
pub fn resources(kind: Kind) -> String {
    format!("{RESOURCES}{kind}/")
}

/// `/meta/resources`: rewritten with every change of any resource, so that a check of the whole set can be compared.
pub fn resources_guard() -> &'static str {
    "/meta/resources"
}

/// `/meta/session/{id}`: the session exists as long as its lease.
pub fn session(id: &str) -> String {
    format!("/meta/session/{id}")
}

/// Reads a key back. Keys of other areas are `None`.
pub fn parse(key: &str) -> Option<Record> {
    let (area, rest) = key.strip_prefix('/')?.split_once('/')?;
    match area {
        "reg" => instance(rest).map(Record::Registration),
        "live" => instance(rest).map(Record::Liveness),
        "ovr" => instance(rest).map(Record::Override),
        "cfg" => {
            let (namespace, name) = rest.split_once('/')?;
            Some(Record::Config(ConfigKey::new(namespace, name)))
        }
        "res" => parse_resource(rest).map(Record::Resource),
        _ => None,
    }
}

fn instance(rest: &str) -> Option<InstanceKey> {
    let (namespace, rest) = rest.split_once('/')?;
    let (service, id) = rest.split_once('/')?;
    Some(InstanceKey::new(ServiceKey::new(namespace, service), id))
}

fn parse_resource(rest: &str) -> Option<ResourceKey> {
    let (kind, rest) = rest.split_once('/')?;
    let (namespace, name) = rest.split_once('/')?;
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    Some(ResourceKey {
        kind,
        namespace: namespace.into(),
        name: name.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_reads_back() {
        let instance = InstanceKey::new(ServiceKey::new("shop", "orders"), "orders-1");
        let item = ConfigKey::new("shop", "orders.yaml");
        let route = ResourceKey {
            kind: Kind::HttpRoute,
            namespace: "shop".into(),
            name: "orders".into(),
        };
        let table = [
            (registration(&instance), Some(Record::Registration(instance.clone()))),
            (liveness(&instance), Some(Record::Liveness(instance.clone()))),
            (over(&instance), Some(Record::Override(instance))),
            (config(&item), Some(Record::Config(item.clone()))),
            (resource(&route), Some(Record::Resource(route))),
            (config_version(&item, 3), None),
            (config_counter(&item), None),
            (session("a"), None),
            (resources_guard().into(), None),
            ("/reg/shop/orders".into(), None),
            ("/res/Unknown/a/b".into(), None),
            ("reg/a/b/c".into(), None),
            (String::new(), None),
        ];
        for (key, record) in table {
            assert_eq!(parse(&key), record, "{key}");
        }
    }

    #[test]
    fn versions_sort_by_number() {
        let item = ConfigKey::new("a", "b");
        assert!(config_version(&item, 9) < config_version(&item, 10));
    }
}

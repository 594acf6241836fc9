//! What may be registered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use nines_base::duration;
use nines_model::instance::MAX_WEIGHT;
use nines_model::{InstanceKey, InstanceState, Port, Registration, ServiceKey, name};

use crate::error::{Error, Result};

/// The shortest time to live.
pub const MIN_TTL: Duration = Duration::from_secs(1);
/// The longest time to live.
pub const MAX_TTL: Duration = Duration::from_secs(3600);
/// The most ports of an instance.
pub const MAX_PORTS: usize = 16;
/// The most labels of an instance.
pub const MAX_LABELS: usize = 64;
const MAX_LABEL_NAME: usize = 63;
const MAX_LABEL_VALUE: usize = 256;

pub(crate) fn ttl(ttl: Duration) -> Result<()> {
    if (MIN_TTL..=MAX_TTL).contains(&ttl) {
        return Ok(());
    }
    let (given, min, max) = (
        duration::format(ttl),
        duration::format(MIN_TTL),
        duration::format(MAX_TTL),
    );
    Err(Error::invalid(
        "ttl",
        format!("a ttl of {given} cannot be kept; choose {min} to {max}"),
    ))
}

pub(crate) fn service(key: &ServiceKey) -> Result<()> {
    name::check(&key.namespace).map_err(|e| Error::invalid("namespace", e))?;
    name::check(&key.name).map_err(|e| Error::invalid("service", e))
}

pub(crate) fn key(key: &InstanceKey) -> Result<()> {
    service(&key.service)?;
    name::check(&key.id).map_err(|e| Error::invalid("id", e))
}

pub(crate) fn registration(registration: &Registration) -> Result<()> {
    address(registration.address)?;
    ports(&registration.ports)?;
    labels(&registration.labels)?;
    weight(registration.weight)?;
    match registration.state {
        InstanceState::Starting | InstanceState::Ready | InstanceState::Draining => Ok(()),
        state @ (InstanceState::Suspect | InstanceState::Down) => Err(Error::invalid(
            "state",
            format!("an instance cannot register as {state}; use starting, ready or draining"),
        )),
    }
}

pub(crate) fn weight(weight: u32) -> Result<()> {
    if weight <= MAX_WEIGHT {
        return Ok(());
    }
    Err(Error::invalid(
        "weight",
        format!("weight {weight} is over {MAX_WEIGHT}"),
    ))
}

fn address(address: IpAddr) -> Result<()> {
    if address.is_unspecified() || address.is_multicast() {
        let message = format!("nobody can connect to {address}; register the address that clients reach");
        return Err(Error::invalid("address", message));
    }
    Ok(())
}

fn ports(ports: &[Port]) -> Result<()> {
    if ports.is_empty() || ports.len() > MAX_PORTS {
        let message = format!("{} ports; register 1 to {MAX_PORTS}", ports.len());
        return Err(Error::invalid("ports", message));
    }
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        name::check(&port.name).map_err(|e| Error::invalid(format!("ports[{index}].name"), e))?;
        if port.number == 0 {
            let message = "port 0 cannot be reached; give a port from 1 to 65535";
            return Err(Error::invalid(format!("ports[{index}].number"), message));
        }
        if !names.insert(&port.name) {
            let message = format!("two ports are named `{}`; name them apart", port.name);
            return Err(Error::invalid(format!("ports[{index}].name"), message));
        }
    }
    Ok(())
}

fn labels(labels: &BTreeMap<String, String>) -> Result<()> {
    if labels.len() > MAX_LABELS {
        let message = format!("{} labels, at most {MAX_LABELS} are kept", labels.len());
        return Err(Error::invalid("labels", message));
    }
    for (name, value) in labels {
        if name.is_empty() || name.len() > MAX_LABEL_NAME || name.chars().any(char::is_control) {
            let shown: String = name.chars().take(MAX_LABEL_NAME).flat_map(char::escape_debug).collect();
            let message = format!("`{shown}` is not a label name; use 1 to {MAX_LABEL_NAME} printable bytes");
            return Err(Error::invalid("labels", message));
        }
        if value.len() > MAX_LABEL_VALUE || value.chars().any(char::is_control) {
            let message = format!("the value is not up to {MAX_LABEL_VALUE} printable bytes");
            return Err(Error::invalid(format!("labels.{name}"), message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Registration {
        Registration {
            address: "10.0.0.7".parse().unwrap(),
            ports: vec![Port {
                name: "http".into(),
                number: 8080,
                protocol: Default::default(),
            }],
            labels: BTreeMap::from([("version".into(), "v1".into())]),
            weight: 100,
            state: InstanceState::Ready,
        }
    }

    /// Registers with one mistake and gives the field that the error names.
    fn check(break_it: impl FnOnce(&mut Registration)) -> String {
        let mut it = good();
        break_it(&mut it);
        match registration(&it) {
            Ok(()) => "accepted".into(),
            Err(Error::Invalid { path, .. }) => path,
            Err(other) => other.to_string(),
        }
    }

    #[test]
    fn every_mistake_names_its_field() {
        assert_eq!(check(|_| ()), "accepted");
        assert_eq!(check(|r| r.address = "0.0.0.0".parse().unwrap()), "address");
        assert_eq!(check(|r| r.address = "::".parse().unwrap()), "address");
        assert_eq!(check(|r| r.address = "224.0.0.1".parse().unwrap()), "address");
        assert_eq!(check(|r| r.ports.clear()), "ports");
        assert_eq!(check(|r| r.ports = vec![r.ports[0].clone(); 17]), "ports");
        assert_eq!(check(|r| r.ports[0].number = 0), "ports[0].number");
        assert_eq!(check(|r| r.ports[0].name = "HTTP".into()), "ports[0].name");
        assert_eq!(check(|r| r.ports.push(r.ports[0].clone())), "ports[1].name");
        assert_eq!(check(|r| r.weight = 10_001), "weight");
        assert_eq!(check(|r| r.state = InstanceState::Down), "state");
        assert_eq!(
            check(|r| r.labels = (0..65).map(|n| (n.to_string(), String::new())).collect()),
            "labels"
        );
        assert_eq!(
            check(|r| r.labels = BTreeMap::from([("a".repeat(64), String::new())])),
            "labels"
        );
        assert_eq!(
            check(|r| r.labels = BTreeMap::from([("a".into(), "b".repeat(257))])),
            "labels.a"
        );
        assert_eq!(
            check(|r| r.labels = BTreeMap::from([("a".into(), "\n".into())])),
            "labels.a"
        );
    }

    #[test]
    fn a_ttl_is_between_a_second_and_an_hour() {
        for (millis, good) in [
            (0, false),
            (999, false),
            (1000, true),
            (3_600_000, true),
            (3_600_001, false),
        ] {
            assert_eq!(ttl(Duration::from_millis(millis)).is_ok(), good, "{millis} ms");
        }
    }
}

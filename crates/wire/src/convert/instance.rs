//! Instances and registrations.

use std::net::IpAddr;

use nines_model::{Instance, InstanceKey, InstanceState, Port, Protocol, Registration, ServiceKey};

use super::{ConvertError, Result, name, present, quote};
use crate::proto;

pub fn key_to_proto(key: &InstanceKey) -> proto::InstanceId {
    proto::InstanceId {
        namespace: key.service.namespace.clone(),
        service: key.service.name.clone(),
        id: key.id.clone(),
    }
}

/// `field` is where the id stands in its message.
pub fn key_from_proto(field: &str, id: Option<proto::InstanceId>) -> Result<InstanceKey> {
    let id = present(field, id)?;
    let namespace = name(&format!("{field}.namespace"), id.namespace)?;
    let service = name(&format!("{field}.service"), id.service)?;
    let id = name(&format!("{field}.id"), id.id)?;
    Ok(InstanceKey::new(ServiceKey::new(namespace, service), id))
}

pub fn registration_to_proto(registration: &Registration) -> proto::Registration {
    proto::Registration {
        address: registration.address.to_string(),
        ports: registration.ports.iter().map(port_to_proto).collect(),
        labels: registration.labels.clone().into_iter().collect(),
        weight: registration.weight,
        state: registration.state.as_str().into(),
    }
}

pub fn registration_from_proto(registration: Option<proto::Registration>) -> Result<Registration> {
    let registration = present("registration", registration)?;
    let read = || {
        Ok(Registration {
            address: address(&registration.address)?,
            ports: ports(registration.ports)?,
            labels: registration.labels.into_iter().collect(),
            weight: registration.weight,
            state: state(&registration.state)?,
        })
    };
    read().map_err(|error: ConvertError| error.inside("registration"))
}

pub fn instance_to_proto(instance: &Instance) -> proto::Instance {
    proto::Instance {
        id: Some(key_to_proto(&instance.key)),
        address: instance.address.to_string(),
        ports: instance.ports.iter().map(port_to_proto).collect(),
        labels: instance.labels.clone().into_iter().collect(),
        weight: instance.weight,
        state: instance.state.as_str().into(),
        disabled: instance.disabled,
        revision: instance.revision,
    }
}

pub fn instance_from_proto(instance: proto::Instance) -> Result<Instance> {
    let key = key_from_proto("id", instance.id)?;
    Ok(Instance {
        key,
        address: address(&instance.address)?,
        ports: ports(instance.ports)?,
        labels: instance.labels.into_iter().collect(),
        weight: instance.weight,
        state: state(&instance.state)?,
        disabled: instance.disabled,
        revision: instance.revision,
    })
}

fn port_to_proto(port: &Port) -> proto::Port {
    proto::Port {
        name: port.name.clone(),
        number: port.number.into(),
        protocol: protocol_word(port.protocol).into(),
    }
}

fn ports(ports: Vec<proto::Port>) -> Result<Vec<Port>> {
    let read = |(index, port): (usize, proto::Port)| {
        let field = format!("ports[{index}]");
        Ok(Port {
            name: name(&format!("{field}.name"), port.name)?,
            number: port_number(&format!("{field}.number"), port.number)?,
            protocol: protocol(&format!("{field}.protocol"), &port.protocol)?,
        })
    };
    ports.into_iter().enumerate().map(read).collect()
}

fn port_number(field: &str, number: u32) -> Result<u16> {
    match u16::try_from(number) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(ConvertError::new(
            field,
            format!("{number} is not a port from 1 to 65535"),
        )),
    }
}

fn address(text: &str) -> Result<IpAddr> {
    text.parse()
        .map_err(|_| ConvertError::new("address", format!("{} is not an IP address", quote(text))))
}

fn state(word: &str) -> Result<InstanceState> {
    match word {
        "starting" => Ok(InstanceState::Starting),
        "ready" => Ok(InstanceState::Ready),
        "draining" => Ok(InstanceState::Draining),
        "suspect" => Ok(InstanceState::Suspect),
        "down" => Ok(InstanceState::Down),
        _ => Err(ConvertError::new("state", format!("{} is not a state", quote(word)))),
    }
}

fn protocol_word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "http",
        Protocol::Http2 => "http2",
        Protocol::Grpc => "grpc",
        Protocol::Tcp => "tcp",
    }
}

/// An empty word is the default, as it is in documents.
fn protocol(field: &str, word: &str) -> Result<Protocol> {
    match word {
        "" | "http" => Ok(Protocol::Http),
        "http2" => Ok(Protocol::Http2),
        "grpc" => Ok(Protocol::Grpc),
        "tcp" => Ok(Protocol::Tcp),
        _ => Err(ConvertError::new(field, format!("{} is not a protocol", quote(word)))),
    }
}

//! Instances: the three records the registry keeps of each, and the one view that subscribers see.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::Revision;

/// A service's name within its namespace, written `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceKey {
    pub namespace: String,
    pub name: String,
}

/// An instance's name within its service, written `namespace/service/id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceKey {
    pub service: ServiceKey,
    pub id: String,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    #[default]
    Http,
    Http2,
    Grpc,
    Tcp,
}

/// One of an instance's ports.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// `http` for the first port of most services.
    pub name: String,
    pub number: u16,
    #[serde(default)]
    pub protocol: Protocol,
}

/// Weight of an instance that says nothing; 0 takes no traffic.
pub const DEFAULT_WEIGHT: u32 = 100;
/// The largest weight.
pub const MAX_WEIGHT: u32 = 10_000;

/// First record: what the instance says of itself. Gone when it deregisters or expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    pub address: IpAddr,
    /// At least one; the first is the default.
    pub ports: Vec<Port>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    pub weight: u32,
    /// `Starting`, `Ready` or `Draining`.
    pub state: InstanceState,
}

/// Third record: what an operator set. Survives reconnects, restarts and expiry; gone only when cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Override {
    /// Takes no traffic whatever it says of itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Replaces the registered weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// Where an instance stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// Registered, not ready yet: no traffic.
    Starting,
    /// Takes traffic.
    Ready,
    /// Finishes what it has: no new traffic.
    Draining,
    /// Expired together with too many others to be believed: last choice (mass-loss protection).
    Suspect,
    /// Not alive, or disabled by an operator: no traffic.
    Down,
}

/// What subscribers see: the three records as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    pub key: InstanceKey,
    pub address: IpAddr,
    pub ports: Vec<Port>,
    pub labels: BTreeMap<String, String>,
    /// The operator's weight if one is set, else the registered one.
    pub weight: u32,
    pub state: InstanceState,
    /// Whether an operator disabled it.
    pub disabled: bool,
    /// The last change of any of its records.
    pub revision: Revision,
}

impl ServiceKey {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl InstanceKey {
    pub fn new(service: ServiceKey, id: impl Into<String>) -> Self {
        Self { service, id: id.into() }
    }
}

impl Instance {
    /// Joins the records; `alive` is the second record, liveness.
    pub fn join(
        key: InstanceKey,
        registration: &Registration,
        alive: bool,
        over: Option<&Override>,
        revision: Revision,
    ) -> Self {
        let disabled = over.is_some_and(|o| o.disabled);
        let state = if disabled || !alive {
            InstanceState::Down
        } else {
            registration.state
        };
        Self {
            key,
            address: registration.address,
            ports: registration.ports.clone(),
            labels: registration.labels.clone(),
            weight: over.and_then(|o| o.weight).unwrap_or(registration.weight),
            state,
            disabled,
            revision,
        }
    }

    /// Whether new requests may go to it.
    pub fn takes_traffic(&self) -> bool {
        self.weight > 0 && matches!(self.state, InstanceState::Ready | InstanceState::Suspect)
    }

    /// Where its port of that name listens, or its first port.
    pub fn socket(&self, port: Option<&str>) -> Option<SocketAddr> {
        let port = match port {
            Some(name) => self.ports.iter().find(|p| p.name == name)?,
            None => self.ports.first()?,
        };
        Some(SocketAddr::new(self.address, port.number))
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.id)
    }
}

impl InstanceState {
    /// The word people see.
    pub fn as_str(self) -> &'static str {
        match self {
            InstanceState::Starting => "starting",
            InstanceState::Ready => "ready",
            InstanceState::Draining => "draining",
            InstanceState::Suspect => "suspect",
            InstanceState::Down => "down",
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

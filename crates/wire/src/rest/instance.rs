//! Services and their instances.

use std::collections::BTreeMap;
use std::time::Duration;

use nines_model::{Instance, InstanceState, Override, Port, Protocol};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Registers an instance, or renews it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"address": "10.0.0.7", "port": 8080, "labels": {"version": "v1"}, "weight": 100, "ttl": "30s"}))]
pub struct RegisterRequest {
    /// An IP address.
    pub address: String,
    /// 1 to 65535.
    pub port: u16,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its share of the traffic, 0 to 10000; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// `http` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "http")]
    pub protocol: Option<Protocol>,
    /// `ready` if absent; `starting` and `draining` take no traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "ready")]
    pub state: Option<InstanceState>,
    /// How long it lives without being renewed. Required.
    #[serde(
        default,
        with = "nines_base::duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = String, required, example = "30s")]
    pub ttl: Option<Duration>,
}

/// The instance is registered and lives for `ttl` from now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "ttl": "30s"}))]
pub struct RegisteredView {
    pub revision: u64,
    #[serde(with = "nines_base::duration")]
    #[schema(value_type = String, example = "30s")]
    pub ttl: Duration,
}

/// An instance as subscribers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceView {
    pub namespace: String,
    pub service: String,
    pub id: String,
    #[schema(example = "10.0.0.7")]
    pub address: String,
    /// The first of its ports.
    pub port: u16,
    pub ports: Vec<PortView>,
    pub labels: BTreeMap<String, String>,
    /// The operator's weight if one is set, else its own.
    pub weight: u32,
    /// `starting`, `ready`, `draining`, `suspect` or `down`.
    #[schema(value_type = String, example = "ready")]
    pub state: InstanceState,
    /// Whether an operator took it out.
    pub disabled: bool,
    /// Its last change.
    pub revision: u64,
}

/// One port of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortView {
    #[schema(example = "http")]
    pub name: String,
    pub number: u16,
    #[schema(value_type = String, example = "http")]
    pub protocol: Protocol,
}

/// The instances of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "instances": [{"namespace": "shop", "service": "orders", "id": "orders-1", "address": "10.0.0.7", "port": 8080,
    "ports": [{"name": "http", "number": 8080, "protocol": "http"}], "labels": {"version": "v1"}, "weight": 100,
    "state": "ready", "disabled": false, "revision": 42}]}))]
pub struct InstanceListView {
    pub revision: u64,
    pub instances: Vec<InstanceView>,
}

/// One instance with what an operator set for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "instance": {"namespace": "shop", "service": "orders", "id": "orders-1", "address": "10.0.0.7", "port": 8080,
    "ports": [{"name": "http", "number": 8080, "protocol": "http"}], "labels": {"version": "v1"}, "weight": 100,
    "state": "ready", "disabled": false, "revision": 42},
    "override": {"disabled": false, "weight": 10}}))]
pub struct InstanceDetail {
    pub revision: u64,
    pub instance: InstanceView,
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub over: Option<OverrideRequest>,
}

/// What an operator sets for an instance; replaces what was set before. It outlives restarts of the instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"disabled": false, "weight": 10}))]
pub struct OverrideRequest {
    /// Takes no traffic, whatever it says of itself.
    #[serde(default)]
    pub disabled: bool,
    /// Replaces the registered weight, 0 to 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// The override in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 43, "override": {"disabled": false, "weight": 10}}))]
pub struct OverrideView {
    pub revision: u64,
    /// Absent when none is set.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub over: Option<OverrideRequest>,
}

/// The services of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "services": [{"name": "orders", "instances": 3, "serving": 2}]}))]
pub struct ServiceListView {
    pub revision: u64,
    pub services: Vec<ServiceSummary>,
}

/// A service in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceSummary {
    pub name: String,
    /// All that are registered.
    pub instances: usize,
    /// Those that take traffic.
    pub serving: usize,
}

impl From<&Instance> for InstanceView {
    fn from(instance: &Instance) -> Self {
        Self {
            namespace: instance.key.service.namespace.clone(),
            service: instance.key.service.name.clone(),
            id: instance.key.id.clone(),
            address: instance.address.to_string(),
            port: instance.ports.first().map_or(0, |port| port.number),
            ports: instance.ports.iter().map(PortView::from).collect(),
            labels: instance.labels.clone(),
            weight: instance.weight,
            state: instance.state,
            disabled: instance.disabled,
            revision: instance.revision,
        }
    }
}

impl From<&Port> for PortView {
    fn from(port: &Port) -> Self {
        Self {
            name: port.name.clone(),
            number: port.number,
            protocol: port.protocol,
        }
    }
}

impl From<OverrideRequest> for Override {
    fn from(request: OverrideRequest) -> Self {
        Self {
            disabled: request.disabled,
            weight: request.weight,
        }
    }
}

impl From<&Override> for OverrideRequest {
    fn from(over: &Override) -> Self {
        Self {
            disabled: over.disabled,
            weight: over.weight,
        }
    }
}

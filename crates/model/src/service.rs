//! Service (`nines.dev/v1`): a view on instances.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::instance::Protocol;

/// The `spec` of a Service. A registered service without a Service resource behaves as one with an empty spec.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Service {
    /// Which registered instances belong to it; by default those whose service name is this Service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// Members that do not register themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// The named port of the instances to talk to; their first if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    #[serde(default)]
    pub protocol: Protocol,
    /// Active health check by the proxy (stored; acts with the health-check part).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Share of instances whose loss within one TTL is held back as suspect (stored; acts with mass-loss protection).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mass_loss_threshold: Option<f64>,
}

/// Narrows the instances of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// The registered service's name; this Service's own name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// All must be equal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A static member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `IP:PORT`.
    pub address: String,
    #[serde(default = "default_weight")]
    pub weight: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// How the proxy asks an endpoint whether it is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// A path for HTTP; none is a TCP connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default = "five_seconds", with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub interval: Duration,
    #[serde(default = "two_seconds", with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub timeout: Duration,
    /// So many in a row change the verdict.
    #[serde(default = "three")]
    pub threshold: u32,
}

fn default_weight() -> u32 {
    crate::instance::DEFAULT_WEIGHT
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn two_seconds() -> Duration {
    Duration::from_secs(2)
}

fn three() -> u32 {
    3
}

//! Gateway (`gateway.networking.k8s.io/v1`): where the data plane listens.

use serde::{Deserialize, Serialize};

/// The `spec` of a Gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Gateway {
    /// `nines`; other classes belong to other systems and are refused.
    pub gateway_class_name: String,
    /// Addresses to listen on; none means loopback.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address>,
    pub listeners: Vec<Listener>,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    #[serde(rename = "type", default)]
    pub kind: AddressKind,
    /// An IP address.
    pub value: String,
}

/// What kind of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub enum AddressKind {
    #[default]
    IPAddress,
    Hostname,
}

/// One listening port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Listener {
    pub name: String,
    /// Only requests for this host (`shop.local`, `*.local`); none is every host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// 0 lets the system choose; the chosen port is told at `/config` of the proxy's admin port.
    pub port: u16,
    pub protocol: ListenerProtocol,
}

/// What a listener speaks. HTTPS and TLS come with the TLS part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ListenerProtocol {
    Http,
}

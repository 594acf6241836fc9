//! The control plane itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The server in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"version": "0.1.0", "uptime": "1h30m", "revision": 42,
    "store": {"revision": 42, "compacted": 0, "keys": 17, "leases": 3, "size": 1589248}, "subscribers": 2,
    "sessions": 3, "namespaces": 1, "services": 2, "instances": 5, "configs": 1, "resources": 4}))]
pub struct StatusView {
    #[schema(example = "0.1.0")]
    pub version: String,
    #[serde(with = "nines_base::duration")]
    #[schema(value_type = String, example = "1h30m")]
    pub uptime: Duration,
    /// The revision this server answers from.
    pub revision: u64,
    pub store: StoreView,
    /// Open subscription streams of this server.
    pub subscribers: usize,
    /// Sessions that hold instances; an instance registered by REST is one of its own.
    pub sessions: usize,
    pub namespaces: usize,
    pub services: usize,
    pub instances: usize,
    pub configs: usize,
    pub resources: usize,
}

/// The store in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreView {
    pub revision: u64,
    /// Revisions below it cannot be read any more.
    pub compacted: u64,
    pub keys: u64,
    pub leases: u64,
    /// Bytes on disk.
    pub size: u64,
}

/// The namespaces that hold anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "namespaces": ["default", "shop"]}))]
pub struct NamespaceListView {
    pub revision: u64,
    pub namespaces: Vec<String>,
}

/// A change that has nothing else to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 43}))]
pub struct RevisionView {
    pub revision: u64,
}

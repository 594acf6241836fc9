//! Configuration items and their versions.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Revision;

/// Largest content of one item, in bytes.
pub const MAX_CONTENT: usize = 1 << 20;

/// An item's name within its namespace, written `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConfigKey {
    pub namespace: String,
    pub name: String,
}

/// How the content is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Yaml,
    Toml,
    Properties,
    Text,
}

/// One immutable version of an item, as subscribers get it and the history keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigItem {
    pub key: ConfigKey,
    /// 1 for the first publish, +1 with each. Never used twice, also not after a deletion.
    pub version: u64,
    pub format: Format,
    pub content: String,
    /// JSON Schema that the content keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// Hex SHA-256 of the content's bytes.
    pub sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// RFC 3339, UTC.
    pub published_at: String,
    /// The store's revision of the publish; 0 until it is stored.
    #[serde(default)]
    pub revision: Revision,
}

impl ConfigKey {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

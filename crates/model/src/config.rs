//! Configuration items and their versions.

mod content;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Revision;
pub use content::{read, validate};

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

/// Hex SHA-256 of the bytes of a content.
pub fn sha256(content: &str) -> String {
    use std::fmt::Write;

    use sha2::{Digest, Sha256};

    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(content.as_bytes()) {
        write!(hex, "{byte:02x}").expect("a String takes all text");
    }
    hex
}

/// What changed between two versions, as a unified diff with three lines of context; empty when nothing did. Two
/// large texts without a common line are compared for a second at most, then the rest is shown as replaced.
pub fn diff(old_name: &str, old: &str, new_name: &str, new: &str) -> String {
    let diff = similar::TextDiff::configure()
        .timeout(Duration::from_secs(1))
        .diff_lines(old, new);
    diff.unified_diff().header(old_name, new_name).to_string()
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 5] = [
        Format::Json,
        Format::Yaml,
        Format::Toml,
        Format::Properties,
        Format::Text,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Yaml => "yaml",
            Format::Toml => "toml",
            Format::Properties => "properties",
            Format::Text => "text",
        }
    }

    /// The format that a file of that name most likely has.
    pub fn of_file(name: &str) -> Format {
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("json") => Format::Json,
            Some("yaml" | "yml") => Format::Yaml,
            Some("toml") => Format::Toml,
            Some("properties") => Format::Properties,
            _ => Format::Text,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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

#[cfg(test)]
mod tests;

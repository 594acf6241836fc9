//! Configuration items, their versions and who runs them.

use nines_model::{ConfigItem, Format};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Publishes a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"format": "yaml", "content": "discount: 10\n", "note": "summer sale", "ifVersion": 3}))]
pub struct PublishRequest {
    /// `json`, `yaml`, `toml`, `properties` or `text`.
    #[schema(value_type = String, example = "yaml")]
    pub format: Format,
    /// At most 1 MiB.
    pub content: String,
    /// JSON Schema that the content keeps, from this version on. Absent keeps the item's schema, `null` drops it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable)]
    pub schema: Option<Option<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who publishes, as the caller says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Publish only on top of this version; 0 means that the item must not exist; absent publishes in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<u64>,
}

/// Publishes the content of an old version again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"version": 3}))]
pub struct RollbackRequest {
    /// The version to go back to.
    pub version: u64,
    /// `rollback to N` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// As with a publish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<u64>,
}

/// One version with its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"namespace": "shop", "name": "orders.yaml", "version": 3, "format": "yaml", "content": "discount: 10\n",
    "sha256": "9f86d081884c7d65…", "author": "ann", "note": "summer sale", "publishedAt": "2026-01-31T12:00:00.000Z",
    "revision": 40}))]
pub struct ConfigView {
    pub namespace: String,
    pub name: String,
    pub version: u64,
    #[schema(value_type = String, example = "yaml")]
    pub format: Format,
    #[schema(example = "discount: 10\n")]
    pub content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    /// Hex SHA-256 of the content's bytes.
    pub sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// RFC 3339, UTC.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub published_at: String,
    /// The store's revision of the publish.
    pub revision: u64,
}

/// The version in force after a publish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"namespace": "shop", "name": "orders.yaml", "version": 3, "format": "yaml", "content": "discount: 10\n",
    "sha256": "9f86d081884c7d65…", "author": "ann", "note": "summer sale", "publishedAt": "2026-01-31T12:00:00.000Z",
    "revision": 40, "unchanged": false}))]
pub struct PublishView {
    #[serde(flatten)]
    pub item: ConfigView,
    /// The same content, format and schema were in force already: no version was made.
    pub unchanged: bool,
}

/// One version without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionSummary {
    pub version: u64,
    #[schema(value_type = String, example = "yaml")]
    pub format: Format,
    /// Bytes of content.
    pub size: usize,
    pub sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub published_at: String,
    pub revision: u64,
}

/// The newest versions first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "versions": [{"version": 3, "format": "yaml", "size": 13, "sha256": "9f86d081884c7d65…", "author": "ann", "note": "summer sale",
    "publishedAt": "2026-01-31T12:00:00.000Z", "revision": 40}], "next": 3}))]
pub struct HistoryView {
    pub revision: u64,
    pub versions: Vec<VersionSummary>,
    /// Ask with `?before=` this for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// What changed between two versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "from": 2, "to": 3,
    "diff": "--- version 2\n+++ version 3\n@@ -1 +1 @@\n-discount: 5\n+discount: 10\n"}))]
pub struct DiffView {
    pub revision: u64,
    pub from: u64,
    pub to: u64,
    /// Unified; empty when the contents are equal.
    #[schema(example = "--- version 1\n+++ version 2\n@@ -1 +1 @@\n-discount: 5\n+discount: 10\n")]
    pub diff: String,
}

/// An item without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigSummary {
    pub namespace: String,
    pub name: String,
    #[serde(flatten)]
    pub current: VersionSummary,
}

/// The items of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "configs": [{"namespace": "shop", "name": "orders.yaml",
    "version": 3, "format": "yaml", "size": 13, "sha256": "9f86d081884c7d65…", "author": "ann", "note": "summer sale",
    "publishedAt": "2026-01-31T12:00:00.000Z", "revision": 40}]}))]
pub struct ConfigListView {
    pub revision: u64,
    pub configs: Vec<ConfigSummary>,
    /// Ask with `?after=` this for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Who runs which version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "version": 3, "subscribers": [
    {"subscriber": "orders-1", "state": "current", "version": 3},
    {"subscriber": "orders-2", "state": "rejected", "version": 3, "reason": "discount is over 50"}]}))]
pub struct ConfigStatusView {
    pub revision: u64,
    /// The version in force.
    pub version: u64,
    pub subscribers: Vec<SubscriberVersion>,
}

/// One subscriber's answer to an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubscriberVersion {
    #[schema(example = "orders 0.1.0 on host-a")]
    pub subscriber: String,
    pub state: VersionState,
    /// The version it runs or refused; absent until it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Why it refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where a subscriber stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VersionState {
    /// Runs the version in force.
    Current,
    /// Runs an older one.
    Behind,
    /// Refused the version and runs on with what it had.
    Rejected,
    /// Has not answered yet.
    Unknown,
}

impl From<ConfigItem> for ConfigView {
    fn from(item: ConfigItem) -> Self {
        Self {
            namespace: item.key.namespace,
            name: item.key.name,
            version: item.version,
            format: item.format,
            content: item.content,
            schema: item.schema,
            sha256: item.sha256,
            author: item.author,
            note: item.note,
            published_at: item.published_at,
            revision: item.revision,
        }
    }
}

impl From<&ConfigItem> for VersionSummary {
    fn from(item: &ConfigItem) -> Self {
        Self {
            version: item.version,
            format: item.format,
            size: item.content.len(),
            sha256: item.sha256.clone(),
            author: item.author.clone(),
            note: item.note.clone(),
            published_at: item.published_at.clone(),
            revision: item.revision,
        }
    }
}

impl From<&ConfigItem> for ConfigSummary {
    fn from(item: &ConfigItem) -> Self {
        Self {
            namespace: item.key.namespace.clone(),
            name: item.key.name.clone(),
            current: item.into(),
        }
    }
}

/// Tells `null` from absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Value>>, D::Error> {
    Option::<Value>::deserialize(deserializer).map(Some)
}

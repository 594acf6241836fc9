//! Resources: what an apply did, and documents as they are stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What an apply did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"revision": 42, "dryRun": false,
    "results": [{"kind": "HTTPRoute", "namespace": "default", "name": "orders", "outcome": "updated"}],
    "touches": {"routes": ["default/orders"], "services": ["default/orders"], "instances": 3}}))]
pub struct ApplyView {
    pub revision: u64,
    /// Nothing was written.
    pub dry_run: bool,
    /// In the order of the documents.
    pub results: Vec<AppliedView>,
    pub touches: Touched,
}

/// What became of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedView {
    #[schema(example = "HTTPRoute")]
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub outcome: Outcome,
    /// Unified; only in a dry run, and only of what changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
}

/// What feels the change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Touched {
    /// Routes that are changed or whose gateway, backend or policy is, as `namespace/name`.
    pub routes: Vec<String>,
    /// Services whose traffic or policy is changed, as `namespace/name`.
    pub services: Vec<String>,
    /// Instances of those services that are registered now.
    pub instances: usize,
}

/// The resources of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "resources": [{"apiVersion": "nines.dev/v1", "kind": "Service", "metadata": {"namespace": "default", "name": "orders"},
    "spec": {"protocol": "http"}}]}))]
pub struct ResourceListView {
    pub revision: u64,
    /// Whole documents.
    #[schema(value_type = Vec<Object>)]
    pub resources: Vec<Value>,
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"revision": 42, "resource": {"apiVersion": "nines.dev/v1", "kind": "Service", "metadata": {"namespace": "default", "name": "orders"},
    "spec": {"protocol": "http"}}}))]
pub struct ResourceDetail {
    pub revision: u64,
    /// The whole document.
    #[schema(value_type = Object)]
    pub resource: Value,
}

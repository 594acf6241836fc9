//! What a policy governs.

use serde::{Deserialize, Serialize};

/// A target of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetRef {
    /// The kind's group; may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub kind: TargetKind,
    /// Its name, in the policy's namespace.
    pub name: String,
}

/// What a policy may govern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum TargetKind {
    Service,
    #[serde(rename = "HTTPRoute")]
    HttpRoute,
}

//! What to answer when the service cannot.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What to answer when the service cannot. Of those that are written the first that has an answer gives it:
/// `staleIfError`, then `service`, then the static answer with `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Fallback {
    /// The last good answer to the same request; not kept if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_if_error: Option<StaleIfError>,
    /// Another service to ask; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<FallbackService>,
    /// The status of a static answer; no static answer if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The content type of the static answer; none is sent if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The body of the static answer; empty if absent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
}

/// The last good answers, kept for the case of an error (after RFC 5861 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct StaleIfError {
    /// An older answer is not used; 10 min if absent.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub max_age: Duration,
    /// How many answers are kept, the oldest go first; 1024 if absent.
    pub max_entries: u32,
    /// Bytes of all that is kept; 16 MiB if absent.
    pub max_bytes: u32,
}

impl Default for StaleIfError {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(600),
            max_entries: 1024,
            max_bytes: 16 << 20,
        }
    }
}

/// Another service to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FallbackService {
    /// The policy's namespace if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A Service resource, or a registered service of that name.
    pub name: String,
}

//! Time limits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Time limits. The caller's own deadline counts where it is earlier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Timeout {
    /// To connect to an endpoint; 1 s if absent.
    #[serde(
        default,
        with = "nines_base::duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub connect: Option<Duration>,
    /// The whole request with all its attempts and waits; 15 s if absent, `0s` for none. An HTTPRoute's own timeout
    /// wins.
    #[serde(
        default,
        with = "nines_base::duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub request: Option<Duration>,
    /// One attempt; only the request's limit if absent or `0s`. An HTTPRoute's own timeout wins.
    #[serde(
        default,
        with = "nines_base::duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub attempt: Option<Duration>,
}

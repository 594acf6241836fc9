//! More than one attempt: after a failed one, or beside a slow one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Trying again after a failure that allows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Retry {
    /// Attempts beyond the first; 2 if absent, 0 switches retries off.
    pub attempts: u32,
    /// How many of the requests may be retries or hedges; 20 % and 3 a second if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<RetryBudget>,
    /// How long to wait before a retry; full jitter, at first up to 25 ms and never over 250 ms if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<RetryBackoff>,
    /// A `Retry-After` longer than this ends the trying; 10 s if absent.
    #[serde(with = "nines_base::duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub max_retry_after: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 2,
            budget: None,
            backoff: None,
            max_retry_after: None,
        }
    }
}

/// How many of the requests may be retries or hedges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct RetryBudget {
    /// Retries and hedges per request of the last 10 s, 0.0001 to 1; 0.2 if absent.
    pub ratio: f64,
    /// So many a second are always allowed; 3 if absent.
    pub min_per_second: u32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            ratio: 0.2,
            min_per_second: 3,
        }
    }
}

/// How long to wait before a retry: a random time between nothing and `base`, doubled with each retry, up to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryBackoff {
    /// The bound of the first wait; 25 ms if absent.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub base: Duration,
    /// The bound of every wait; 250 ms if absent.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub max: Duration,
}

impl Default for RetryBackoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(25),
            max: Duration::from_millis(250),
        }
    }
}

/// A second attempt of an idempotent request while the first is still under way. It is paid from the retries' budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Hedge {
    /// It starts when the first has taken longer than this share of calls take, in `[0.5, 1)`; 0.95 if absent.
    pub quantile: f64,
    /// How many beside the first; 1 if absent.
    pub max_hedges: u32,
    /// It starts no earlier; 1 ms if absent.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub min_delay: Duration,
    /// It starts no later; 2 s if absent.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub max_delay: Duration,
    /// No hedge while fewer calls were measured in the last minute; 100 if absent.
    pub min_samples: u32,
}

impl Default for Hedge {
    fn default() -> Self {
        Self {
            quantile: 0.95,
            max_hedges: 1,
            min_delay: Duration::from_millis(1),
            max_delay: Duration::from_secs(2),
            min_samples: 100,
        }
    }
}

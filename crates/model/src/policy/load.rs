//! How much work may be under way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Mode;

/// How many requests may be in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Bulkhead {
    /// Whether it acts; as the policy if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// One more is queued or refused.
    pub max_in_flight: u32,
    /// How many may wait, the earliest deadline first; 0 if absent: none.
    #[serde(default)]
    pub max_queue: u32,
    /// How long one may wait; 1 s if absent. The request's deadline counts where it is earlier.
    #[serde(
        default,
        with = "nines_base::duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub max_wait: Option<Duration>,
}

/// A bound of requests in flight that finds itself from latency and throughput.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Concurrency {
    /// Whether it acts; as the policy if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// `adaptive` if absent.
    pub algorithm: ConcurrencyAlgorithm,
    /// The bound never falls below; 1 if absent.
    pub min: u32,
    /// The bound never rises above; 200 if absent.
    pub max: u32,
    /// Where it begins; 20 if absent, moved into `min` to `max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<u32>,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self {
            mode: None,
            algorithm: ConcurrencyAlgorithm::default(),
            min: 1,
            max: 200,
            initial: None,
        }
    }
}

/// How the bound is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ConcurrencyAlgorithm {
    /// The estimated queue, and whether throughput still grows with concurrency (failsafe-go's adaptive limiter).
    #[default]
    Adaptive,
    /// The estimated queue alone (TCP Vegas).
    Vegas,
    /// The ratio of long to short latency (Netflix concurrency-limits, Gradient2).
    Gradient,
}

/// Refusing when this process is short of processor time, the least important requests first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shed {
    /// Whether it acts; as the policy if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The share of the processor time open to this process from which on it sheds, in `(0, 1]`; 0.9 if absent.
    pub cpu: f64,
}

impl Default for Shed {
    fn default() -> Self {
        Self { mode: None, cpu: 0.9 }
    }
}

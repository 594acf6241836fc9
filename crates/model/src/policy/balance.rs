//! Which endpoint takes a request, and which is left out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How an endpoint is picked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Balance {
    /// `peakEwma` if absent.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// A new endpoint's share grows over this time; 10 s if absent.
    #[serde(
        default,
        with = "nines_base::duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub slow_start: Option<Duration>,
}

/// The picking algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// Two at random, the one with less latency x in-flight takes it.
    #[default]
    PeakEwma,
    RoundRobin,
    /// Smooth weighted round robin.
    Weighted,
}

/// When to eject an endpoint from the set: never more than half of it, nor the only one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Outlier {
    /// Gateway errors in a row (502, 503, 504 and no answer); 5 if absent.
    pub consecutive_errors: u32,
    /// Failures (5xx and no answer) per call in 10 s, so much above those of the other endpoints: 0.3 ejects one at which
    /// half of the calls fail while a tenth does elsewhere. Not looked at if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_rate: Option<f64>,
    /// Mean latency in 10 s, so many times the median of the other endpoints, and at least 50 ms above it. Not looked at if
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_factor: Option<f64>,
    /// Calls in 10 s from which on `failureRate` and `latencyFactor` are looked at; 20 if absent.
    pub min_calls: u32,
    /// The first ejection; the n-th lasts n times as long. 30 s if absent.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub base_ejection: Duration,
    /// No ejection lasts longer; 300 s if absent.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub max_ejection: Duration,
}

impl Default for Outlier {
    fn default() -> Self {
        Self {
            consecutive_errors: 5,
            failure_rate: None,
            latency_factor: None,
            min_calls: 20,
            base_ejection: Duration::from_secs(30),
            max_ejection: Duration::from_secs(300),
        }
    }
}

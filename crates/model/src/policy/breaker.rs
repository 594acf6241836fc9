//! When to stop asking.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Mode;

/// When to stop asking an endpoint: any one of its thresholds opens it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Breaker {
    /// Whether it acts; as the policy if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Rates are computed over the calls of this time; 10 s if absent.
    #[serde(with = "nines_base::duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub window: Option<Duration>,
    /// Rates are computed over so many last calls, in place of `window`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_calls: Option<u32>,
    /// No rate counts with fewer calls in the window; 20 if absent, or all of a smaller `windowCalls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_calls: Option<u32>,
    /// Failures per call that open it, in `(0, 1]`; 0.5 if no threshold is written, else not looked at if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_rate: Option<f64>,
    /// Slow calls that open it; not looked at if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_calls: Option<SlowCalls>,
    /// Failures in a row that open it; not looked at if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_failures: Option<u32>,
    /// How long it stays open the first time; 5 s if absent. Each repeat doubles it.
    #[serde(with = "nines_base::duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub open_for: Option<Duration>,
    /// It stays open no longer; 60 s if absent, or `openFor` if that is longer.
    #[serde(with = "nines_base::duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub max_open_for: Option<Duration>,
    /// The share by which each open time is shortened at most, at random, so that many callers do not come back together,
    /// in `[0, 1)`; 0.2 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    /// Calls let through as probes when it was open long enough; 3 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_open_calls: Option<u32>,
}

/// Calls that take too long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SlowCalls {
    /// A call that takes longer is slow.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub slower_than: Duration,
    /// Slow calls per call that open the breaker, in `(0, 1]`; 1 if absent.
    #[serde(default = "all")]
    pub rate: f64,
}

/// Asking a callee less the more it refuses, on the caller's side (Google SRE book, "Handling Overload"): a call is
/// refused with probability `(requests - k * accepts) / (requests + 1)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Throttle {
    /// Whether it acts; as the policy if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Requests sent per accepted one before any is refused, more than 1; 2 if absent.
    pub k: f64,
    /// The calls of this time count; 10 s if absent.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub window: Duration,
    /// None is refused with fewer calls in the window; 10 if absent.
    pub min_calls: u32,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            mode: None,
            k: 2.0,
            window: Duration::from_secs(10),
            min_calls: 10,
        }
    }
}

fn all() -> f64 {
    1.0
}

//! Policy (`nines.dev/v1`): how requests to its targets are governed.
//!
//! `balance`, `timeout` and `retry` act today; the other sections are checked and stored, and act with the resilience
//! library.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The `spec` of a Policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Policy {
    /// What it governs: Services and HTTPRoutes of its namespace.
    pub target_refs: Vec<TargetRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier: Option<Outlier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulkhead: Option<Bulkhead>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rate_limits: Vec<RateLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

/// A target of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetRef {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub kind: TargetKind,
    pub name: String,
}

/// What a policy may govern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum TargetKind {
    Service,
    #[serde(rename = "HTTPRoute")]
    HttpRoute,
}

/// How an endpoint is picked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Balance {
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

/// Time limits of an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Timeout {
    /// 1 s if absent.
    #[serde(
        default,
        with = "nines_base::duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub connect: Option<Duration>,
    /// The whole request; 15 s if absent. An HTTPRoute's own timeout wins.
    #[serde(
        default,
        with = "nines_base::duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub request: Option<Duration>,
}

/// Trying again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts beyond the first; 2 if absent, 0 switches retries off.
    #[serde(default = "two")]
    pub attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<RetryBudget>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<RetryBackoff>,
}

/// How many of the requests may be retries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RetryBudget {
    /// Retries per first attempt, in `(0, 1]`.
    pub ratio: f64,
    /// Always allowed.
    pub min_per_second: u32,
}

/// How long to wait before a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBackoff {
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub base: Duration,
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub max: Duration,
}

/// When to stop asking an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Breaker {
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub window: Duration,
    pub min_calls: u32,
    /// In `(0, 1]`.
    pub failure_rate: f64,
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub open_for: Duration,
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub max_open_for: Duration,
    pub half_open_calls: u32,
}

/// When to eject an endpoint from the set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Outlier {
    pub consecutive_errors: u32,
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub base_ejection: Duration,
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "crate::schema::Duration")]
    pub max_ejection: Duration,
}

/// How many requests may be in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Bulkhead {
    pub max_in_flight: u32,
    #[serde(default)]
    pub max_queue: u32,
}

/// A limit that finds itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    pub min: u32,
    pub max: u32,
}

/// How many requests in a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    pub algorithm: RateAlgorithm,
    /// `100/s`, `6000/m`.
    pub rate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// `clientIp`, `service`, `route` or `header:NAME`.
    pub key: String,
}

/// The limiting algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RateAlgorithm {
    TokenBucket,
    LeakyBucket,
    FixedWindow,
    SlidingWindow,
}

/// What to answer when nothing else can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fallback {
    /// A status for a static answer.
    pub status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default)]
    pub body: String,
}

fn two() -> u32 {
    2
}

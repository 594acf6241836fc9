//! Policy (`nines.dev/v1`): how requests to its targets are governed.
//!
//! Every field but the targets may be left out. `timeout`, `retry`, `breaker`, `outlier` and `balance` act with their
//! defaults when their section is absent; the other sections act only when they are written.

mod balance;
mod breaker;
mod fallback;
mod limit;
mod load;
mod mode;
mod retry;
mod target;
mod timeout;

use serde::{Deserialize, Serialize};

pub use balance::{Algorithm, Balance, Outlier};
pub use breaker::{Breaker, SlowCalls, Throttle};
pub use fallback::{Fallback, FallbackService, StaleIfError};
pub use limit::{RateAlgorithm, RateKey, RateLimit, RateOverride};
pub use load::{Bulkhead, Concurrency, ConcurrencyAlgorithm, Shed};
pub use mode::Mode;
pub use retry::{Hedge, Retry, RetryBackoff, RetryBudget};
pub use target::{TargetKind, TargetRef};
pub use timeout::Timeout;

/// The `spec` of a Policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Policy {
    /// What it governs: Services and HTTPRoutes of its namespace.
    pub target_refs: Vec<TargetRef>,
    /// Whether it acts, only counts what it would do, or does nothing; `enforce` if absent. A section's own mode may
    /// only soften it.
    #[serde(default, skip_serializing_if = "Mode::is_enforce")]
    pub mode: Mode,
    /// How an endpoint is picked; peak EWMA if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// Time limits; 1 s to connect and 15 s for the request if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// Trying again; 2 more attempts if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// A second attempt beside a slow first one; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge: Option<Hedge>,
    /// When to stop asking an endpoint; half of at least 20 calls failed in 10 s if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    /// When to leave an endpoint out of the set; 5 errors in a row if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier: Option<Outlier>,
    /// Asking a callee less the more it refuses; off if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
    /// How many requests may be in flight; without bound if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulkhead: Option<Bulkhead>,
    /// A bound of requests in flight that finds itself; off if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Refusing when this process is short of processor time; off if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shed: Option<Shed>,
    /// How many requests in a time; a request must pass all of them. None if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rate_limits: Vec<RateLimit>,
    /// What to answer when the service cannot; its error if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

//! Ejection of endpoints that do worse than the others of their set.
//!
//! Three signs, of which the first alone is looked at unless a Policy says more: gateway errors in a row, a share of
//! failures above that of the others, a latency above theirs. What is compared is always one endpoint with *the others*,
//! so that it works with two of them as it does with two hundred; a distance in standard deviations (Envoy's success
//! rate ejection) cannot be reached at all in a set of five. When all do badly, nobody does worse, and nobody goes.
//!
//! An ejected endpoint is passed over by every picker, and comes back after its time. The n-th ejection in a row lasts n
//! times as long; each interval of ten seconds in which it answers well, and at whose end no gateway error stands, takes
//! one back. Never is more than half of a set ejected, nor the only one. If nobody else is left to try, an ejected endpoint
//! is picked all the same. One that leaves the set and comes back within the longest ejection, under the same id and address,
//! has its ejections still; 256 of a service are remembered.
//!
//! [`EndpointSet::review`](crate::EndpointSet::review) decides; whoever picks calls it first, and logs and counts what it
//! tells.

mod absent;
mod history;
mod judge;
mod tally;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use nines_model::policy::Outlier;

use crate::Endpoint;

pub(crate) use history::History;
pub(crate) use judge::Calls;
pub use judge::Reason;
pub(crate) use tally::Tally;
pub(crate) use watch::Watch;

/// How often rates are compared, and an endpoint that does well is forgiven an ejection (Envoy's `interval`).
pub const INTERVAL: Duration = Duration::from_secs(10);

/// When to eject an endpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Gateway errors in a row: 502, 503, 504 and no answer. 5 by default.
    pub consecutive_errors: u32,
    /// Failures (5xx and no answer) per call in an [`INTERVAL`], so much above those of the others, more than 0 up to 1.
    /// The difference must also be more than chance (three standard errors). Not looked at by default.
    pub failure_rate: Option<f64>,
    /// Mean latency in an [`INTERVAL`], so many times the median of the others, and at least 50 ms above it. Not looked at
    /// by default.
    pub latency_factor: Option<f64>,
    /// Calls in an [`INTERVAL`] from which on rates and latencies are compared, of the endpoint and of the others; 20 by
    /// default.
    pub min_calls: u32,
    /// The first ejection; the n-th lasts n times as long. 30 s by default.
    pub base_ejection: Duration,
    /// No ejection lasts longer; 300 s by default.
    pub max_ejection: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self::from(&Outlier::default())
    }
}

impl From<&Outlier> for Config {
    fn from(outlier: &Outlier) -> Self {
        Self {
            consecutive_errors: outlier.consecutive_errors,
            failure_rate: outlier.failure_rate,
            latency_factor: outlier.latency_factor,
            min_calls: outlier.min_calls,
            base_ejection: outlier.base_ejection,
            max_ejection: outlier.max_ejection,
        }
    }
}

/// What became of an endpoint, for logs and counters.
#[derive(Debug, Clone)]
pub struct Change {
    pub endpoint: Arc<Endpoint>,
    pub kind: ChangeKind,
}

/// Gone or back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChangeKind {
    /// It gets no calls for so long.
    Ejected { reason: Reason, lasts: Duration },
    /// It gets calls again.
    Returned,
}

#[cfg(test)]
mod tests;

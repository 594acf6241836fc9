//! Why a call was refused: the policy, the numbers compared, and when to come again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nines_model::Cause;

/// A policy's name, as `namespace/name` or as the author of a service calls it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Failures per call in a breaker's window, in `[0, 1]`.
    FailureRate,
    /// Slow calls per call in a breaker's window, in `[0, 1]`.
    SlowCallRate,
    /// Failures in a row.
    ConsecutiveFailures,
    /// Probes in flight in a half-open breaker.
    Probes,
    /// An operator holds the breaker open.
    ForcedOpen,
    /// The callee asked for a pause, in seconds.
    AskedPause,
    /// Requests per accepted request under adaptive throttling.
    RequestsPerAccept,
    /// Requests in a limiter's window or bucket.
    Requests,
    /// Calls in flight.
    InFlight,
    /// Calls that wait.
    Queue,
    /// Seconds a call waited, or would have to wait.
    Wait,
    /// Processor load, in `[0, 1]` of what the process may use.
    Cpu,
    /// A priority level below the level that is admitted.
    Priority,
    /// Seconds left of the deadline.
    Deadline,
}

impl Measure {
    /// The stable name, as in logs and headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::FailureRate => "failure_rate",
            Measure::SlowCallRate => "slow_call_rate",
            Measure::ConsecutiveFailures => "consecutive_failures",
            Measure::Probes => "probes",
            Measure::ForcedOpen => "forced_open",
            Measure::AskedPause => "asked_pause",
            Measure::RequestsPerAccept => "requests_per_accept",
            Measure::Requests => "requests",
            Measure::InFlight => "in_flight",
            Measure::Queue => "queue",
            Measure::Wait => "wait",
            Measure::Cpu => "cpu",
            Measure::Priority => "priority",
            Measure::Deadline => "deadline",
        }
    }
}

/// The numbers that were compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    pub measure: Measure,
    /// As found.
    pub value: f64,
    /// What it was compared with.
    pub bound: f64,
    /// How many calls the value was computed from; 0 where it is not a statistic.
    pub calls: u64,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value, bound) = (self.measure.as_str(), Short(self.value), Short(self.bound));
        write!(f, "{name}={value} bound={bound}")?;
        match self.calls {
            0 => Ok(()),
            calls => write!(f, " calls={calls}"),
        }
    }
}

/// At most three decimals.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", (self.0 * 1000.0).round() / 1000.0)
    }
}

/// A core's refusal, not yet bearing the policy's name. Copied, never allocated.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct Refused {
    pub cause: Cause,
    pub evidence: Evidence,
    /// When another try can succeed, if that is known.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// The refusal as callers see it.
    pub fn by(self, policy: &Name) -> Refusal {
        Refusal {
            policy: policy.clone(),
            refused: self,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause, self.evidence)?;
        match self.retry_after {
            Some(after) => write!(f, ", retry after {} s", Short(after.as_secs_f64())),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}

/// A call that a policy did not let through.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("policy {policy} refused: {refused}")]
pub struct Refusal {
    pub policy: Name,
    pub refused: Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_policy_cause_numbers_and_time() {
        let refused = Refused {
            cause: Cause::BreakerOpen,
            evidence: Evidence {
                measure: Measure::FailureRate,
                value: 0.6251,
                bound: 0.5,
                calls: 40,
            },
            retry_after: Some(Duration::from_millis(3200)),
        };
        assert_eq!(
            refused.by(&"shop/orders".into()).to_string(),
            "policy shop/orders refused: breaker_open: failure_rate=0.625 bound=0.5 calls=40, retry after 3.2 s"
        );
    }
}

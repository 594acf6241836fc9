//! Time limits and retries of a request.

use std::time::Duration;

use nines_base::Backoff;

use crate::Policy;
use crate::policy::{Retry as Section, RetryBackoff};
use crate::route::Timeouts;

/// Time limits and retries of a request; the defaults hold where nothing is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The whole request, 15 s by default; `None` is no limit.
    pub request: Option<Duration>,
    /// One attempt; `None`, the default, is no limit of its own.
    pub attempt: Option<Duration>,
    /// Connecting, 1 s by default; `None` is no limit of its own.
    pub connect: Option<Duration>,
    pub retry: Retry,
}

/// Trying again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Attempts beyond the first, 2 by default.
    pub attempts: u32,
    /// From 25 ms to 250 ms by default.
    pub backoff: Backoff,
    /// Retries per first attempt, in `(0, 1]`, 0.2 by default.
    pub budget_ratio: f64,
    /// Retries a second that are always allowed, 3 by default.
    pub budget_min_per_second: u32,
}

impl Limits {
    /// A route rule's own timeouts go before the policy's. `0s` switches a limit off.
    pub fn of(policy: &Policy, rule: Option<&Timeouts>) -> Self {
        let default = Self::default();
        let timeout = policy.timeout.unwrap_or_default();
        let request = rule.and_then(|rule| rule.request).or(timeout.request);
        Self {
            request: limit(request, default.request),
            attempt: limit(rule.and_then(|rule| rule.backend_request).or(timeout.attempt), None),
            connect: limit(timeout.connect, default.connect),
            retry: policy.retry.as_ref().map(Retry::from).unwrap_or_default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Some(Duration::from_secs(15)),
            attempt: None,
            connect: Some(Duration::from_secs(1)),
            retry: Retry::default(),
        }
    }
}

impl From<&Section> for Retry {
    fn from(section: &Section) -> Self {
        let budget = section.budget.unwrap_or_default();
        let RetryBackoff { base, max } = section.backoff.unwrap_or_default();
        Self {
            attempts: section.attempts,
            backoff: Backoff { base, max },
            budget_ratio: budget.ratio,
            budget_min_per_second: budget.min_per_second,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::from(&Section::default())
    }
}

fn limit(given: Option<Duration>, default: Option<Duration>) -> Option<Duration> {
    given.or(default).filter(|limit| !limit.is_zero())
}

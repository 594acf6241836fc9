//! Trying again, within a budget.
//!
//! Three decisions make a retry safe. [`classify`] says whom an answer speaks against and whether the same call may be
//! made again; [`Attempts`] holds the state of one call and answers, after each attempt, whether to make another and
//! when; [`Budget`] bounds what all calls together may add, retries and hedges alike.
//!
//! Waits are exponential with full jitter. A callee that names a time (Retry-After) is waited for at least so long, or
//! given up; never asked earlier. Nothing is begun that the deadline would cut off before it starts. A call that an
//! outer hop has marked as a repetition ([`OuterAttempt`]) is not repeated by this hop: with `n` attempts on each of `h`
//! hops the innermost callee would otherwise see `n^h` calls for one.

mod attempts;
mod budget;
pub mod classify;
mod history;
mod outer;
mod pushback;

use std::time::Duration;

use nines_base::Backoff;

use crate::Invalid;
use crate::invalid::ensure;

pub use attempts::{Attempts, GiveUp, Next};
pub use budget::{Budget, BudgetConfig, BudgetSnapshot};
pub use history::{Attempt, History};
pub use outer::{BadAttempt, OuterAttempt};
pub use pushback::{BadRetryAfter, retry_after};

const MOST_ATTEMPTS: u32 = 10;
const LONGEST_BACKOFF: Duration = Duration::from_secs(3600);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How one call is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Attempts beyond the first, 0 to 10; 0 switches retries off. Default 2, as in the policy defaults.
    pub attempts: u32,
    /// The wait before each retry, with full jitter. Default 25 ms doubling to 250 ms (the base is Envoy's default
    /// `retry_back_off.base_interval`, and the maximum its ten times).
    pub backoff: Backoff,
    /// The longest Retry-After that is waited for; a callee that asks for more is given up. Default 10 s, which is
    /// under the default timeout of a route. `ZERO` never waits at the callee's word.
    pub max_retry_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            attempts: 2,
            backoff: Backoff {
                base: Duration::from_millis(25),
                max: Duration::from_millis(250),
            },
            max_retry_after: Duration::from_secs(10),
        }
    }
}

impl Config {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        ensure(
            self.attempts <= MOST_ATTEMPTS,
            "retry.attempts",
            self.attempts,
            "0 to 10",
        )?;
        let Backoff { base, max } = self.backoff;
        ensure(
            !base.is_zero() && base <= LONGEST_BACKOFF,
            "retry.backoff.base",
            base,
            "over 0 and at most 1h",
        )?;
        ensure(
            max >= base && max <= LONGEST_BACKOFF,
            "retry.backoff.max",
            max,
            "at least retry.backoff.base and at most 1h",
        )?;
        ensure(
            self.max_retry_after <= LONGEST_RETRY_AFTER,
            "retry.maxRetryAfter",
            self.max_retry_after,
            "at most 24h",
        )
    }
}

/// Whether repeating a request of this method has the same effect as making it once (RFC 9110 section 9.2.2): the safe
/// methods, PUT and DELETE.
pub fn is_idempotent(method: &http::Method) -> bool {
    use http::Method;
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    )
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;

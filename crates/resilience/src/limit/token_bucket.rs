//! Token bucket: `burst` requests at once, and one more every interval.
//!
//! **Bound.** Over any period `t` at most `burst + requests * t / per`.

use super::Decision;
use super::gcra::{nanos_of, units};
use super::terms::Terms;

#[inline]
pub(super) fn decide(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    let now = units(now);
    let full_at = state.max(now);
    let after = full_at.saturating_add(n * terms.interval);
    let latest = now.saturating_add(terms.burst * terms.interval);
    if after <= latest {
        return Decision::Grant {
            state: after,
            wait: 0,
            remaining: (latest - after) / terms.interval,
            reset: nanos_of(after - now),
        };
    }
    Decision::Refuse {
        used: (full_at - now).div_ceil(terms.interval) + n,
        retry_after: (n <= terms.burst).then(|| nanos_of(after - latest)),
        remaining: latest.saturating_sub(full_at) / terms.interval,
        reset: nanos_of(full_at - now),
    }
}

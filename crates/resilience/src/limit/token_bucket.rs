//! Token bucket: `burst` requests at once, and one more every interval.
//!
//! **Bound.** Over any period `t` at most `burst + requests * t / per`.

use super::Decision;
use super::gcra::{nanos_of, units};
use super::terms::Terms;

#[inline(always)]
pub(super) fn decide(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    let now = units(now);
    let full_at = state.max(now);
    let used = || (full_at - now).div_ceil(terms.interval) + n;
    let cost = n.saturating_mul(terms.interval);
    if cost > terms.tolerance {
        return Decision::never(used());
    }
    let (after, latest) = (full_at + cost, now + terms.tolerance);
    if after <= latest {
        return Decision::Grant { state: after, wait: 0 };
    }
    Decision::Refuse {
        used: used(),
        retry_after: Some(nanos_of(after - latest)),
    }
}

/// How many are left, and the nanoseconds until it is full.
#[inline(always)]
pub(super) fn standing(state: u64, now: u64, terms: &Terms) -> (u64, u64) {
    let now = units(now);
    let full_at = state.max(now);
    let latest = now + terms.tolerance;
    let left = latest.saturating_sub(full_at) / terms.interval;
    (left, nanos_of(full_at - now))
}

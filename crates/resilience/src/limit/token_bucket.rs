//! Token bucket: `burst` requests at once, and one more every interval.
//!
//! **Bound.** Over any period `t` at most `burst + requests * t / per`.

use super::Decision;
use super::gcra::{nanos_of, refuse, units};
use super::terms::Terms;

#[inline(always)]
pub(super) fn decide(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    let full_at = state.max(units(now));
    let cost = n.saturating_mul(terms.interval);
    if cost <= terms.tolerance && full_at + cost <= units(now) + terms.tolerance {
        return Decision::Grant {
            state: full_at + cost,
            wait: 0,
        };
    }
    refuse(state, now, n, terms)
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

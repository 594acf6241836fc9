//! Leaky bucket: requests go on evenly, one every interval; who comes ahead of its time is told how long to wait.
//!
//! The place in the row is reserved with the answer, so that the wait is exact whoever comes later. `burst` requests may
//! go on at once after a pause; 1 spaces all of them.
//!
//! **Bound.** Over any period `t` at most `burst + requests * t / per` go on, if everybody waits as told; at most
//! `max_wait / interval` wait at a time.

use super::Decision;
use super::gcra::{nanos_of, units};
use super::terms::Terms;

#[inline(always)]
pub(super) fn decide(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    let now = units(now);
    let full_at = state.max(now);
    let after = full_at.saturating_add(n * terms.interval);
    let at_once = now.saturating_add(terms.tolerance);
    let wait = after.saturating_sub(at_once);
    let longest = units(terms.max_wait);
    if n <= terms.burst && wait <= longest {
        return Decision::Grant {
            state: after,
            wait: nanos_of(wait),
        };
    }
    Decision::Refuse {
        used: (full_at - now).div_ceil(terms.interval) + n,
        retry_after: (n <= terms.burst).then(|| nanos_of(wait - longest)),
    }
}

/// How many may still come, some of them to wait, and the nanoseconds until nobody would.
#[inline(always)]
pub(super) fn standing(state: u64, now: u64, terms: &Terms) -> (u64, u64) {
    let now = units(now);
    let full_at = state.max(now);
    let latest = now
        .saturating_add(terms.tolerance)
        .saturating_add(units(terms.max_wait));
    let left = latest.saturating_sub(full_at) / terms.interval;
    (left, nanos_of(full_at - now))
}

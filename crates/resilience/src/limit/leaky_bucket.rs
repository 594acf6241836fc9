//! Leaky bucket: requests go on evenly, one every interval; who comes ahead of its time is told how long to wait.
//!
//! The place in the row is reserved with the answer, so that the wait is exact whoever comes later. `burst` requests may
//! go on at once after a pause; 1 spaces all of them. Who asks for several gets them together, at most `burst`, when the
//! last of them may go on.
//!
//! **Bound.** Over any period `t` at most `burst + requests * t / per` go on, if everybody waits as told; at most
//! `max_wait / interval`, rounded up, wait at a time, and `burst` more where some ask for several. So `max_wait / interval`
//! more are granted than go on.

use super::Decision;
use super::gcra::{latest, nanos_of, refuse, units};
use super::terms::Terms;

#[inline(always)]
pub(super) fn decide(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    let full_at = state.max(units(now));
    let cost = n.saturating_mul(terms.interval);
    if cost <= terms.tolerance && full_at + cost <= latest(now, terms) {
        let at_once = units(now) + terms.tolerance;
        return Decision::Grant {
            state: full_at + cost,
            wait: nanos_of((full_at + cost).saturating_sub(at_once)),
        };
    }
    refuse(state, now, n, terms)
}

/// How many may still come, some of them to wait, and the nanoseconds until nobody would.
#[inline(always)]
pub(super) fn standing(state: u64, now: u64, terms: &Terms) -> (u64, u64) {
    let full_at = state.max(units(now));
    let left = latest(now, terms).saturating_sub(full_at) / terms.interval;
    (left, nanos_of(full_at - units(now)))
}

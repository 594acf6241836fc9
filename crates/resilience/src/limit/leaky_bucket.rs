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
    let (after, at_once) = (full_at + cost, now + terms.tolerance);
    let (wait, longest) = (after.saturating_sub(at_once), units(terms.max_wait));
    if wait <= longest {
        return Decision::Grant {
            state: after,
            wait: nanos_of(wait),
        };
    }
    Decision::Refuse {
        used: used(),
        retry_after: Some(nanos_of(wait - longest)),
    }
}

/// How many may still come, some of them to wait, and the nanoseconds until nobody would.
#[inline(always)]
pub(super) fn standing(state: u64, now: u64, terms: &Terms) -> (u64, u64) {
    let now = units(now);
    let full_at = state.max(now);
    let latest = now + terms.tolerance + units(terms.max_wait);
    let left = latest.saturating_sub(full_at) / terms.interval;
    (left, nanos_of(full_at - now))
}

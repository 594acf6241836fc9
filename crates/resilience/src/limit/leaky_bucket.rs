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

#[inline]
pub(super) fn decide(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    let now = units(now);
    let full_at = state.max(now);
    let after = full_at.saturating_add(n * terms.interval);
    let at_once = now.saturating_add(terms.burst * terms.interval);
    let wait = after.saturating_sub(at_once);
    let longest = units(terms.max_wait);
    let remaining = |taken: u64| at_once.saturating_add(longest).saturating_sub(taken) / terms.interval;
    if n > terms.burst || wait > longest {
        return Decision::Refuse {
            used: (full_at - now).div_ceil(terms.interval) + n,
            retry_after: (n <= terms.burst).then(|| nanos_of(wait - longest)),
            remaining: remaining(full_at),
            reset: nanos_of(full_at - now),
        };
    }
    Decision::Grant {
        state: after,
        wait: nanos_of(wait),
        remaining: remaining(after),
        reset: nanos_of(after - now),
    }
}

//! The generic cell rate algorithm (ITU-T I.371 annex A), in its form with a theoretical arrival time: what both buckets
//! stand on.
//!
//! The state is the time at which the bucket is full again, in sixteenths of a nanosecond since the limiter's beginning:
//! the 18 years of its clock take half of 64 bits, and the fraction keeps a rate of ten million a second within 0.1 percent.

use super::Decision;
use super::terms::Terms;
use super::window::LATE;

/// Units in a nanosecond.
pub(super) const UNITS: u64 = 16;

/// The time in units. No sum of such times overflows: the time ends at half of what fits ([`Origin::nanos`]), a burst
/// comes within a year, and nobody waits for more than an hour ([`Quota::validate`]).
///
/// [`Origin::nanos`]: crate::time::Origin::nanos
/// [`Quota::validate`]: super::Quota::validate
#[inline(always)]
pub(super) fn units(nanos: u64) -> u64 {
    nanos * UNITS
}

/// Units in nanoseconds, rounded up, so that who waits so long does not come early.
#[inline]
pub(super) fn nanos_of(units: u64) -> u64 {
    units.div_ceil(UNITS)
}

/// How much is used: the units until it is full.
pub(super) fn used(state: u64, now: u64) -> u64 {
    state.saturating_sub(units(now))
}

/// The latest that a state under these terms is: all is used, and the queue is full.
#[inline(always)]
pub(super) fn latest(now: u64, terms: &Terms) -> u64 {
    units(now) + terms.tolerance + units(terms.max_wait)
}

/// A state that is later than any under these terms, also for who comes late, is left from slower terms: all is used.
#[inline(always)]
pub(super) fn refuse(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    let is_astray = state > latest(now + LATE, terms);
    let settled = if is_astray { latest(now, terms) } else { state };
    let full_at = settled.max(units(now));
    let cost = n.saturating_mul(terms.interval);
    Decision::Refuse {
        settled,
        used: (full_at - units(now)).div_ceil(terms.interval) + n,
        retry_after: (cost <= terms.tolerance).then(|| nanos_of(full_at + cost - latest(now, terms))),
    }
}

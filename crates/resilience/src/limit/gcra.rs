//! The generic cell rate algorithm (ITU-T I.371 annex A), in its form with a theoretical arrival time: what both buckets
//! stand on.
//!
//! The state is the time at which the bucket is full again, in sixteenths of a nanosecond since the limiter's beginning:
//! the 18 years of its clock take half of 64 bits, and the fraction keeps a rate of ten million a second within 0.1 percent.

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
pub(super) fn latest(now: u64, terms: &Terms) -> u64 {
    units(now) + terms.tolerance + units(terms.max_wait)
}

/// The state, unless it is later than any under these terms is, also for who comes late: then it is left from slower
/// terms, and all is used.
pub(super) fn settle(state: u64, now: u64, terms: &Terms) -> u64 {
    let is_astray = state > latest(now + LATE, terms);
    if is_astray { latest(now, terms) } else { state }
}

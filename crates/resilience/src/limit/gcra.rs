//! The generic cell rate algorithm (ITU-T I.371 annex A), in its form with a theoretical arrival time: what both buckets
//! stand on.
//!
//! The state is the time at which the bucket is full again, in sixteenths of a nanosecond since the limiter's beginning:
//! 60 bits of nanoseconds last 36 years, and the fraction keeps a rate of ten million a second within 0.1 percent.

/// Units in a nanosecond.
pub(super) const UNITS: u64 = 16;

/// The time in units; 36 years at most.
#[inline(always)]
pub(super) fn units(nanos: u64) -> u64 {
    nanos.min(u64::MAX / UNITS) * UNITS
}

/// Units in nanoseconds, rounded up, so that who waits so long does not come early.
#[inline]
pub(super) fn nanos_of(units: u64) -> u64 {
    units.div_ceil(UNITS)
}

/// Full, or fuller than that.
pub(super) fn is_idle(state: u64, now: u64) -> bool {
    state <= units(now)
}

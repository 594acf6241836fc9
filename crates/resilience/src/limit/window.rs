//! Where the window of a state lies.

/// So late may a thread come with the time that it has read, in nanoseconds.
pub(super) const LATE: u64 = 10_000_000_000;

/// The window of a state, seen from a time.
pub(super) enum Seen {
    /// It counts, under this number: that of the time or, where others were ahead, theirs.
    Now(u64),
    /// The one before.
    Last,
    /// Further back.
    Past,
    /// Further ahead than anybody is late: left from another length of windows, or from half a round of numbers ago. It
    /// goes for the window of the time, so that it gives no more, and is over when that window is.
    Astray,
}

/// A state has room for as many bits of a window's number as the mask has, so that in time the numbers go round.
///
/// Windows ahead stand: neither a clock that steps back nor a thread that comes late gives more.
#[inline]
pub(super) fn find(seen: u64, number: u64, mask: u64, per: u64) -> Seen {
    let ahead = seen.wrapping_sub(number) & mask;
    if ahead == 0 {
        return Seen::Now(number);
    }
    if ahead == mask {
        return Seen::Last;
    }
    if ahead > mask / 2 {
        return Seen::Past;
    }
    if ahead <= LATE / per + 1 {
        return Seen::Now(number + ahead);
    }
    Seen::Astray
}

/// Whether a state's window is that of the time or the next, as of somebody whose clock is ahead.
pub(super) fn fits(seen: u64, number: u64, mask: u64) -> bool {
    seen.wrapping_sub(number) & mask <= 1
}

//! Sliding window: the count of this window, and of the last one the share that still lies within one period.
//!
//! `last * (1 - elapsed / per) + this + n <= requests`, as if the last window's requests had come evenly; the share is
//! rounded up, so that of a quota of very few requests one in the last window may hold back one in this: take the log
//! for these. The state is the window's number (24 bits) and two counts (20 bits each). Without a count no number counts.
//!
//! **Bound.** Under `2 * requests` in any period: if all of the last window came at its end they stand together with what
//! this window, which takes them for spread out, lets through meanwhile. With even traffic `requests`.

use super::Decision;
use super::terms::Terms;
use super::window::{Seen, find, fits};

const COUNT_BITS: u32 = 20;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const NUMBER: u64 = (1 << 24) - 1;

/// The windows as they are at one time.
#[derive(Debug, Clone, Copy)]
struct Windows {
    number: u64,
    last: u64,
    this: u64,
}

#[inline]
pub(super) fn decide(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    let windows = Windows::at(state, now, terms.per);
    let used = windows.used(now, terms);
    if used + n <= terms.requests {
        let this = windows.this + n;
        return Decision::Grant {
            state: Windows { this, ..windows }.pack(),
            wait: 0,
        };
    }
    Decision::Refuse {
        settled: windows.pack(),
        used: used + n,
        retry_after: (n <= terms.requests).then(|| windows.wait(now, n, terms)),
    }
}

/// How many are left, and the nanoseconds until no request counts any more.
#[inline]
pub(super) fn standing(state: u64, now: u64, terms: &Terms) -> (u64, u64) {
    let windows = Windows::at(state, now, terms.per);
    let left = terms.requests.saturating_sub(windows.used(now, terms));
    let periods = if windows.this > 0 {
        2
    } else {
        u64::from(windows.last > 0)
    };
    let end = windows.start(terms) + periods * terms.per;
    (left, if periods == 0 { 0 } else { end.saturating_sub(now) })
}

/// How many count, those of the last window among them.
pub(super) fn used(state: u64, now: u64, terms: &Terms) -> u64 {
    Windows::at(state, now, terms.per).used(now, terms)
}

/// The counts go on in the windows of the new length, unless they have begun there by who knew of it before.
pub(super) fn convert(state: u64, now: u64, before: &Terms, after: &Terms) -> u64 {
    let number = now / after.per;
    if fits(Windows::unpack(state).number, number, NUMBER) {
        return state;
    }
    let windows = Windows::at(state, now, before.per);
    Windows { number, ..windows }.pack()
}

/// What still counts of `last`, rounded up.
fn share(last: u64, elapsed: u64, per: u64) -> u64 {
    if last == 0 {
        return 0;
    }
    let left = u128::from(per.saturating_sub(elapsed));
    (u128::from(last) * left).div_ceil(u128::from(per)) as u64
}

impl Windows {
    fn unpack(state: u64) -> Self {
        Self {
            number: state >> (2 * COUNT_BITS),
            last: state >> COUNT_BITS & COUNT,
            this: state & COUNT,
        }
    }

    fn pack(self) -> u64 {
        (self.number & NUMBER) << (2 * COUNT_BITS) | self.last << COUNT_BITS | self.this
    }

    /// Moved on to the window that counts at this time.
    fn at(state: u64, now: u64, per: u64) -> Self {
        let (seen, number) = (Self::unpack(state), now / per);
        let (number, last, this) = match find(seen.number, number, NUMBER, per) {
            Seen::Now(number) if seen.last | seen.this > 0 => (number, seen.last, seen.this),
            Seen::Astray => (number, seen.last, seen.this),
            Seen::Last => (number, seen.this, 0),
            _ => (number, 0, 0),
        };
        Self { number, last, this }
    }

    fn elapsed(self, now: u64, terms: &Terms) -> u64 {
        now.saturating_sub(self.start(terms))
    }

    fn start(self, terms: &Terms) -> u64 {
        self.number.saturating_mul(terms.per)
    }

    fn used(self, now: u64, terms: &Terms) -> u64 {
        share(self.last, self.elapsed(now, terms), terms.per) + self.this
    }

    /// How long until `n` fit: in this window once enough of the last one has slid out; else in the next one, of which
    /// this one is then the last.
    fn wait(self, now: u64, n: u64, terms: &Terms) -> u64 {
        let until = |count: u64, room: u64| match count {
            0 => 0,
            _ => {
                let kept = u128::from(room) * u128::from(terms.per) / u128::from(count);
                terms.per - u64::try_from(kept).unwrap_or(u64::MAX).min(terms.per)
            }
        };
        let after = if self.this + n <= terms.requests {
            until(self.last, terms.requests - self.this - n)
        } else {
            terms.per + until(self.this, terms.requests - n)
        };
        (self.start(terms) + after).saturating_sub(now)
    }
}

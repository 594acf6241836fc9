//! Fixed window: so many requests in each period, counted from the limiter's beginning.
//!
//! The state is the window's number and the count, 32 bits each. Without a count no number counts.
//!
//! **Bound.** `requests` in each window, so up to twice as many in a period that lies across a border.

use super::Decision;
use super::terms::Terms;
use super::window::{Seen, find, fits};

const COUNT: u64 = u32::MAX as u64;

#[inline]
pub(super) fn decide(state: u64, now: u64, n: u64, terms: &Terms) -> Decision {
    let (number, count) = current(state, now, terms.per);
    if count + n <= terms.requests {
        return Decision::Grant {
            state: pack(number, count + n),
            wait: 0,
        };
    }
    Decision::Refuse {
        settled: pack(number, count),
        used: count + n,
        retry_after: (n <= terms.requests).then(|| left_of(number, now, terms)),
    }
}

/// How many are left in this window, and the nanoseconds until the next.
#[inline]
pub(super) fn standing(state: u64, now: u64, terms: &Terms) -> (u64, u64) {
    let (number, count) = current(state, now, terms.per);
    let reset = if count == 0 { 0 } else { left_of(number, now, terms) };
    (terms.requests.saturating_sub(count), reset)
}

fn left_of(number: u64, now: u64, terms: &Terms) -> u64 {
    let end = number.saturating_add(1).saturating_mul(terms.per);
    end.saturating_sub(now)
}

/// How many count.
pub(super) fn used(state: u64, now: u64, terms: &Terms) -> u64 {
    current(state, now, terms.per).1
}

/// The count goes on in the window of the new length, unless it has begun there by who knew of it before.
pub(super) fn convert(state: u64, now: u64, before: &Terms, after: &Terms) -> u64 {
    let number = now / after.per;
    if fits(state >> 32, number, COUNT) {
        return state;
    }
    pack(number, current(state, now, before.per).1)
}

/// The window that counts and what is in it.
#[inline]
fn current(state: u64, now: u64, per: u64) -> (u64, u64) {
    let (seen, count, number) = (state >> 32, state & COUNT, now / per);
    match find(seen, number, COUNT, per) {
        Seen::Now(number) if count > 0 => (number, count),
        Seen::Astray => (number, count),
        _ => (number, 0),
    }
}

fn pack(number: u64, count: u64) -> u64 {
    (number & COUNT) << 32 | count
}

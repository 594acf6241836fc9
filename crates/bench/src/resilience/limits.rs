//! Rate limits: one, and a million. All grant whatever is asked, so that the way of a granted call is measured.

use std::hint::black_box;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use governor::clock::{FakeRelativeClock, MonotonicClock};
use governor::{DefaultKeyedRateLimiter, RateLimiter};
use nines_base::Clock;
use nines_resilience::limit::{Algorithm, Keyed, Limiter, Quota, hash};

use super::contender::{Contender, Group};
use super::cores::Times;
use super::{Options, memory};

const PLENTY: NonZeroU32 = NonZeroU32::new(1_000_000_000).expect("it is not 0");
const BURST: NonZeroU32 = NonZeroU32::new(10_000_000).expect("it is not 0");
/// Windows and logs count so far at most.
const COUNTED: NonZeroU32 = NonZeroU32::new(1_000_000).expect("it is not 0");
const A_THOUSAND: NonZeroU32 = NonZeroU32::new(1000).expect("it is not 0");

pub(super) fn groups(options: &Options) -> Vec<Group> {
    let mut groups = vec![clocked(), passed_in(), algorithms()];
    if "rate limits, keys".contains(&options.only) {
        groups.push(keys(options.keys));
    }
    groups
}

fn clocked() -> Group {
    let (own, clock) = (bucket(), Clock::system());
    let quota = governor::Quota::per_second(PLENTY);
    let quanta = RateLimiter::direct(quota);
    let std = RateLimiter::direct_with_clock(quota, MonotonicClock);
    Group {
        name: "token bucket, with its clock",
        contenders: vec![
            Contender::new("nines (std clock)", move |calls| {
                granted(calls, || black_box(&own).check(clock.now()).is_ok());
            }),
            Contender::new("governor (std clock)", move |calls| {
                granted(calls, || black_box(&std).check().is_ok());
            }),
            Contender::new("governor (quanta)", move |calls| {
                granted(calls, || black_box(&quanta).check().is_ok());
            }),
        ],
    }
}

/// Nearly all: a thread that is put aside between clock and decision for longer than the burst lasts comes too late.
#[inline(always)]
fn granted(calls: u64, mut check: impl FnMut() -> bool) {
    let refused = (0..calls).filter(|_| !check()).count() as u64;
    assert!(refused * 1000 <= calls, "{refused} of {calls} refused");
}

fn passed_in() -> Group {
    let fake = RateLimiter::direct_with_clock(governor::Quota::per_second(PLENTY), FakeRelativeClock::default());
    Group {
        name: "token bucket, time passed in",
        contenders: vec![
            limiter("nines", bucket()),
            Contender::new("governor (fake clock)", move |calls| {
                for _ in 0..calls {
                    assert!(black_box(&fake).check().is_ok());
                }
            }),
        ],
    }
}

/// Windows and logs are measured on refusals as well, since they count no further than a million.
fn algorithms() -> Group {
    let of = |algorithm, requests| Quota {
        algorithm,
        burst: BURST,
        ..Quota::per_second(requests)
    };
    let make = |quota| Limiter::new(quota, Clock::system().now()).expect("it is valid");
    Group {
        name: "rate limits, time passed in",
        contenders: vec![
            limiter("token bucket", bucket()),
            limiter("leaky bucket", make(of(Algorithm::LeakyBucket, PLENTY))),
            either("fixed window", make(of(Algorithm::FixedWindow, COUNTED))),
            either("sliding window", make(of(Algorithm::SlidingWindow, COUNTED))),
            either("sliding log of 1000", make(of(Algorithm::SlidingLog, A_THOUSAND))),
        ],
    }
}

fn keys(count: u64) -> Group {
    // A quota that is not full again before the end, or keys would make room for each other.
    let quota = Quota {
        per: Duration::from_secs(3600),
        ..Quota::per_second(A_THOUSAND)
    };
    let slots = NonZeroUsize::new(count as usize * 4 / 3 + 8).expect("it is not 0");
    let clock = Clock::system();
    let (keyed, held) = memory::held(|| {
        let keyed = Keyed::new(quota, slots, clock.now()).expect("it is valid");
        (0..count).for_each(|key| assert!(keyed.check(hash(key), clock.now()).is_ok()));
        keyed
    });
    let (governor, governor_held) = memory::held(|| {
        let governor: DefaultKeyedRateLimiter<u64> = RateLimiter::keyed(governor::Quota::per_hour(A_THOUSAND));
        (0..count).for_each(|key| assert!(governor.check_key(&key).is_ok()));
        governor
    });
    Group {
        name: "rate limits, keys",
        contenders: vec![
            Contender::new("nines", move |calls| {
                for key in random(count).take(calls as usize) {
                    assert!(black_box(&keyed).check(hash(key), clock.now()).is_ok());
                }
            })
            .holding(held),
            Contender::new("governor (dashmap, quanta)", move |calls| {
                for key in random(count).take(calls as usize) {
                    assert!(black_box(&governor).check_key(&key).is_ok());
                }
            })
            .holding(governor_held),
        ],
    }
}

fn limiter(name: &'static str, limiter: Limiter) -> Contender {
    Contender::new(name, move |calls| {
        let times = Times::new();
        for call in 0..calls {
            assert!(black_box(&limiter).check(times.at(call)).is_ok());
        }
    })
}

fn either(name: &'static str, limiter: Limiter) -> Contender {
    Contender::new(name, move |calls| {
        let times = Times::new();
        for call in 0..calls {
            let _granted_or_not = black_box(black_box(&limiter).check(times.at(call)).is_ok());
        }
    })
}

fn bucket() -> Limiter {
    let quota = Quota {
        burst: BURST,
        ..Quota::per_second(PLENTY)
    };
    Limiter::new(quota, Clock::system().now()).expect("it is valid")
}

/// Keys in no order that a cache could guess (xorshift).
fn random(count: u64) -> impl Iterator<Item = u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % count
    })
}

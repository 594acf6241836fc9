//! The limits by tables, against plain models, and under threads.

mod bounds;
mod change;
mod field;
mod keyed;
mod late;
mod threads;

use std::num::NonZeroU32;

use nines_base::{Clock, ManualClock};

use super::*;

const ALL: [Algorithm; 5] = [
    Algorithm::TokenBucket,
    Algorithm::LeakyBucket,
    Algorithm::FixedWindow,
    Algorithm::SlidingWindow,
    Algorithm::SlidingLog,
];
const SECOND: Duration = Duration::from_secs(1);

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("not zero")
}

fn quota(algorithm: Algorithm, requests: u32, burst: u32) -> Quota {
    Quota {
        algorithm,
        requests: count(requests),
        per: SECOND,
        burst: count(burst),
        max_wait: Duration::ZERO,
    }
}

struct Bench {
    limiter: Limiter,
    clock: Clock,
    hand: ManualClock,
}

impl Bench {
    fn new(quota: Quota) -> Self {
        let (clock, hand) = Clock::manual();
        let limiter = Limiter::new(quota, clock.now()).expect("a good quota");
        Self { limiter, clock, hand }
    }

    fn check(&self) -> Result<Granted, Limited> {
        self.limiter.check(self.clock.now())
    }

    /// How many of so many are granted now.
    fn granted(&self, tries: u32) -> u32 {
        (0..tries).filter(|_| self.check().is_ok()).count() as u32
    }

    fn wait(&self, millis: u64) {
        self.hand.advance(Duration::from_millis(millis));
    }

    fn standing(&self) -> (u64, u64, u128) {
        let standing = self.limiter.standing(self.clock.now());
        (standing.limit, standing.remaining, standing.reset.as_millis())
    }
}

/// Waits and how many of 100 tries are granted after each.
fn check_steps(quota: Quota, steps: &[(u64, u32)]) {
    let bench = Bench::new(quota);
    for (number, (millis, expected)) in steps.iter().enumerate() {
        bench.wait(*millis);
        assert_eq!(bench.granted(100), *expected, "{:?} step {number}", quota.algorithm);
    }
}

#[test]
fn what_each_algorithm_grants() {
    use Algorithm::*;
    check_steps(
        quota(TokenBucket, 10, 5),
        &[(0, 5), (100, 1), (99, 0), (1, 1), (10_000, 5)],
    );
    check_steps(quota(LeakyBucket, 10, 1), &[(0, 1), (99, 0), (1, 1), (10_000, 1)]);
    check_steps(
        quota(FixedWindow, 10, 1),
        &[(900, 10), (99, 0), (1, 10), (999, 0), (3001, 10)],
    );
    // At 1.5 s half of the first window's ten count, at 2 s none of them, but all five of the second.
    check_steps(
        quota(SlidingWindow, 10, 1),
        &[(900, 10), (600, 5), (500, 5), (3000, 10)],
    );
    check_steps(
        quota(SlidingLog, 10, 1),
        &[(900, 10), (999, 0), (1, 10), (500, 0), (500, 10)],
    );
}

#[test]
fn a_leaky_bucket_tells_how_long_to_wait() {
    let bench = Bench::new(Quota {
        max_wait: Duration::from_millis(250),
        ..quota(Algorithm::LeakyBucket, 10, 1)
    });
    let waits: Vec<u128> = (0..3)
        .map(|_| bench.check().expect("it may wait").wait.as_millis())
        .collect();
    assert_eq!(waits, [0, 100, 200]);
    let limited = bench.check().expect_err("that would be 300 ms");
    assert_eq!(limited.refused.retry_after, Some(Duration::from_millis(50)));
    bench.wait(50);
    assert_eq!(bench.check().expect("now").wait, Duration::from_millis(250));
    assert_eq!(bench.standing(), (3, 0, 350), "one at once and two to wait");
    let burst = Bench::new(Quota {
        max_wait: SECOND,
        ..quota(Algorithm::LeakyBucket, 10, 3)
    });
    let waits: Vec<u128> = (0..5)
        .map(|_| burst.check().expect("it may wait").wait.as_millis())
        .collect();
    assert_eq!(waits, [0, 0, 0, 100, 200]);
}

#[test]
fn a_refusal_tells_what_was_compared() {
    for (algorithm, expected) in [
        (
            Algorithm::TokenBucket,
            "rate_limited: requests=6 bound=5, retry after 0.1 s",
        ),
        (
            Algorithm::FixedWindow,
            "rate_limited: requests=11 bound=10, retry after 1 s",
        ),
        (
            Algorithm::SlidingWindow,
            "rate_limited: requests=11 bound=10, retry after 1.1 s",
        ),
        (
            Algorithm::SlidingLog,
            "rate_limited: requests=11 bound=10, retry after 1 s",
        ),
    ] {
        let bench = Bench::new(quota(algorithm, 10, 5));
        bench.granted(100);
        let limited = bench.check().expect_err("all is used");
        assert_eq!(limited.refused.to_string(), expected, "{algorithm:?}");
    }
}

#[test]
fn the_standing_tells_what_is_left() {
    for (algorithm, fresh, used, later) in [
        (Algorithm::TokenBucket, (5, 5, 0), (5, 2, 300), (5, 4, 100)),
        (Algorithm::FixedWindow, (10, 10, 0), (10, 7, 1000), (10, 7, 800)),
        (Algorithm::SlidingWindow, (10, 10, 0), (10, 7, 2000), (10, 7, 1800)),
        (Algorithm::SlidingLog, (10, 10, 0), (10, 7, 1000), (10, 7, 800)),
    ] {
        let bench = Bench::new(quota(algorithm, 10, 5));
        assert_eq!(bench.standing(), fresh, "{algorithm:?}");
        let mut last = None;
        for _ in 0..3 {
            last = bench.check().ok();
        }
        let last = last.expect("granted").standing;
        assert_eq!(
            (last.limit, last.remaining, last.reset.as_millis()),
            used,
            "{algorithm:?}"
        );
        bench.wait(200);
        assert_eq!(bench.standing(), later, "{algorithm:?}");
    }
}

#[test]
fn several_at_once_are_all_or_none() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let bench = Bench::new(quota(algorithm, 10, 10));
        let now = bench.clock.now();
        assert!(bench.limiter.check_n(7, now).is_ok());
        let limited = bench.limiter.check_n(4, now).expect_err("three are left");
        assert_eq!(limited.standing.remaining, 3, "{algorithm:?}");
        assert!(bench.limiter.check_n(3, now).is_ok());
    }
    for algorithm in ALL {
        let bench = Bench::new(quota(algorithm, 10, 10));
        let never = bench.limiter.check_n(11, bench.clock.now()).expect_err("never");
        assert_eq!(never.refused.retry_after, None, "{algorithm:?}: no wait helps");
        assert_eq!(bench.granted(1), 1, "{algorithm:?}: nothing was used");
    }
}

#[test]
fn none_may_always_be_made_and_cost_nothing() {
    for algorithm in ALL {
        let bench = Bench::new(Quota {
            max_wait: SECOND,
            ..quota(algorithm, 10, 10)
        });
        let none = |now| {
            bench
                .limiter
                .check_n(0, now)
                .map(|granted| (granted.wait, granted.standing))
        };
        let nothing = |now| Ok((Duration::ZERO, bench.limiter.standing(now)));
        assert_eq!(none(bench.clock.now()), nothing(bench.clock.now()), "{algorithm:?}");
        bench.granted(100);
        assert_eq!(
            none(bench.clock.now()),
            nothing(bench.clock.now()),
            "{algorithm:?}: nothing waits"
        );
        bench.wait(3000);
        let slow = Lease {
            requests: count(1),
            burst: count(5),
            until: bench.clock.now() + SECOND,
        };
        bench.limiter.set_lease(Some(slow), bench.clock.now()).expect("good");
        bench.granted(100);
        // After a second a bucket is emptier than its own quota lets it be.
        for wait in [0, 1000, 500, 5000] {
            bench.wait(wait);
            assert_eq!(none(bench.clock.now()), nothing(bench.clock.now()), "{algorithm:?}");
        }
        bench.granted(100);
        assert_eq!(none(bench.clock.now()), nothing(bench.clock.now()), "{algorithm:?}");
    }
}

#[test]
fn several_are_told_when_all_of_them_have_a_place() {
    for (algorithm, millis) in [
        (Algorithm::TokenBucket, 0),
        (Algorithm::LeakyBucket, 0),
        (Algorithm::FixedWindow, 500),
        (Algorithm::SlidingLog, 700),
    ] {
        let bench = Bench::new(quota(algorithm, 10, 10));
        for _ in 0..10 {
            bench.check().expect("within the quota");
            bench.wait(50);
        }
        let five = bench.limiter.check_n(5, bench.clock.now());
        let told = five.err().and_then(|limited| limited.refused.retry_after);
        let expected = (millis > 0).then(|| Duration::from_millis(millis));
        assert_eq!(told, expected, "{algorithm:?}");
    }
}

/// Products of a long interval with a large count do not fit 64 bits.
#[test]
fn no_count_is_too_large_to_refuse() {
    for algorithm in ALL {
        let slow = Quota {
            per: SECOND * 86_400,
            ..quota(algorithm, 1, 365)
        };
        let bench = Bench::new(slow);
        let never = bench.limiter.check_n(u32::MAX, bench.clock.now()).expect_err("never");
        assert_eq!(never.refused.retry_after, None, "{algorithm:?}");
        let at_once = if algorithm.is_bucket() { 365 } else { 1 };
        assert_eq!(bench.granted(400), at_once, "{algorithm:?}");
    }
}

#[test]
fn a_quota_changes_while_running_and_keeps_what_was_used() {
    for (algorithm, kept) in [
        (Algorithm::TokenBucket, 10),
        (Algorithm::FixedWindow, 15),
        (Algorithm::SlidingWindow, 15),
    ] {
        let bench = Bench::new(quota(algorithm, 10, 10));
        assert_eq!(bench.granted(5), 5);
        let more = quota(algorithm, 20, 20);
        bench.limiter.set_quota(more, bench.clock.now()).expect("good");
        // Of a bucket the half second until it is full again is kept, which is ten of the new rate.
        assert_eq!(bench.granted(100), kept, "{algorithm:?}");
    }
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let bench = Bench::new(quota(algorithm, 10, 10));
        bench.wait(100_000);
        assert_eq!(bench.granted(5), 5);
        for per in [SECOND * 10, SECOND / 10] {
            let other = Quota {
                per,
                ..quota(algorithm, 10, 10)
            };
            bench.limiter.set_quota(other, bench.clock.now()).expect("good");
            assert_eq!(bench.standing().1, 5, "{algorithm:?}: the count goes on");
        }
        bench.wait(200);
        assert_eq!(bench.standing().1, 10, "{algorithm:?}: by the new period");
    }
    let bench = Bench::new(quota(Algorithm::SlidingLog, 10, 1));
    assert_eq!(bench.granted(5), 5);
    bench
        .limiter
        .set_quota(quota(Algorithm::SlidingLog, 7, 1), bench.clock.now())
        .expect("good");
    assert_eq!(bench.granted(100), 2);
    let more = quota(Algorithm::SlidingLog, 11, 1);
    bench.limiter.set_quota(more, bench.clock.now()).expect("good");
    assert_eq!(bench.granted(100), 4, "the seven are remembered");
    bench.wait(1000);
    assert_eq!(bench.granted(100), 11);
    let other = bench
        .limiter
        .set_quota(quota(Algorithm::TokenBucket, 10, 1), bench.clock.now());
    assert_eq!(other.expect_err("another algorithm").field, "rateLimits.algorithm");
}

#[test]
fn a_lease_stands_in_place_of_the_quota_while_it_lasts() {
    for algorithm in ALL {
        let bench = Bench::new(quota(algorithm, 10, 10));
        let lease = |requests: u32, seconds: u32| Lease {
            requests: count(requests),
            burst: count(requests),
            until: bench.clock.now() + SECOND * seconds,
        };
        let few = bench.limiter.set_lease(Some(lease(3, 5)), bench.clock.now());
        few.expect("good");
        assert_eq!(bench.granted(100), 3, "{algorithm:?}");
        bench.wait(5000);
        assert_eq!(bench.granted(100), 10, "{algorithm:?}: its own again");
        bench.wait(5000);
        bench
            .limiter
            .set_lease(Some(lease(3, 5)), bench.clock.now())
            .expect("good");
        bench.limiter.set_lease(None, bench.clock.now()).expect("good");
        assert_eq!(bench.granted(100), 10, "{algorithm:?}: given back");
    }
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let base = quota(Algorithm::TokenBucket, 10, 10);
    let window = quota(Algorithm::SlidingWindow, 10, 10);
    for (field, quota) in [
        (
            "rateLimits.per",
            Quota {
                per: Duration::ZERO,
                ..base
            },
        ),
        (
            "rateLimits.per",
            Quota {
                per: SECOND * 90_000,
                ..base
            },
        ),
        (
            "rateLimits.rate",
            Quota {
                requests: count(u32::MAX),
                per: SECOND,
                ..base
            },
        ),
        (
            "rateLimits.rate",
            Quota {
                requests: count(1_000_001),
                ..window
            },
        ),
        (
            "rateLimits.burst",
            Quota {
                burst: count(10_000_001),
                ..base
            },
        ),
        (
            "rateLimits.burst",
            Quota {
                per: SECOND * 86_400,
                ..quota(Algorithm::LeakyBucket, 1, 366)
            },
        ),
        (
            "rateLimits.maxWait",
            Quota {
                max_wait: SECOND * 3601,
                ..base
            },
        ),
    ] {
        let error = Limiter::new(quota, Clock::manual().0.now()).expect_err(field);
        assert_eq!(error.field, field, "{error}");
    }
}

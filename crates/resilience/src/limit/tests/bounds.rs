//! What is granted against the bound of each algorithm, and what is told against what happens.

use proptest::prelude::*;

use super::*;

/// The most that may be granted in the half-open period `(start, start + length]`, in nanoseconds.
pub(super) fn bound(quota: &Quota, length: u64) -> u64 {
    let (requests, per) = (u64::from(quota.requests.get()), crate::time::nanos(quota.per));
    let burst = u64::from(quota.burst.get());
    match quota.algorithm {
        Algorithm::TokenBucket | Algorithm::LeakyBucket => {
            burst + (u128::from(requests) * u128::from(length) / u128::from(per)) as u64
        }
        Algorithm::FixedWindow => requests * (length.div_ceil(per) + 1),
        Algorithm::SlidingWindow => requests * (length.div_ceil(per) + 1),
        Algorithm::SlidingLog => requests * length.div_ceil(per).max(1),
    }
}

/// Checks every period between two grants; `times` in nanoseconds, in any order.
pub(super) fn check_bounds(quota: &Quota, mut times: Vec<u64>) {
    times.sort_unstable();
    for (first, from) in times.iter().enumerate() {
        for (last, to) in times.iter().enumerate().skip(first) {
            let granted = (last - first + 1) as u64;
            // The period holds both ends, so that it is a nanosecond longer than their distance.
            let most = bound(quota, to - from + 1);
            assert!(
                granted <= most,
                "{granted} of at most {most} in {} ns: {quota:?}",
                to - from
            );
        }
    }
}

pub(super) fn quotas() -> impl Strategy<Value = Quota> {
    let requests = prop_oneof![1u32..20, Just(7), Just(999)];
    let per = prop_oneof![Just(1u64), Just(3), Just(1000), 1u64..5000];
    let max_wait = prop_oneof![Just(0), 1u64..3000];
    let all = (prop::sample::select(&ALL[..]), requests, per, 1u32..10, max_wait);
    all.prop_map(|(algorithm, requests, per, burst, max_wait)| Quota {
        per: Duration::from_millis(per),
        max_wait: Duration::from_millis(max_wait),
        ..quota(algorithm, requests, burst)
    })
}

/// So many, but no more than are ever granted at once.
fn at_once(quota: &Quota, number: u32) -> u32 {
    let most = if quota.algorithm.is_bucket() {
        quota.burst
    } else {
        quota.requests
    };
    number % most + 1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn never_more_than_the_bound(quota in quotas(), waits in prop::collection::vec(0u64..400_000_000, 1..150)) {
        let bench = Bench::new(quota);
        let start = bench.clock.now();
        let mut times = Vec::new();
        for wait in waits {
            bench.hand.advance(Duration::from_nanos(wait * crate::time::nanos(quota.per) / 1_000_000_000));
            for _ in 0..3 {
                if let Ok(granted) = bench.check() {
                    times.push((bench.clock.now() - start + granted.wait).as_nanos() as u64);
                }
            }
        }
        check_bounds(&quota, times);
    }

    /// governor's `accurate_not_until`: the wait that is told is exact to the nanosecond (the log's to its 16 ns), for as
    /// many as were asked for.
    #[test]
    fn the_told_wait_is_exact(
        quota in quotas(),
        steps in prop::collection::vec((0u64..3_000_000_000, any::<u32>()), 1..40),
    ) {
        let bench = Bench::new(quota);
        for (wait, number) in steps {
            let n = at_once(&quota, number);
            bench.hand.advance(Duration::from_nanos(wait * crate::time::nanos(quota.per) / 1_000_000_000));
            let Err(limited) = bench.limiter.check_n(n, bench.clock.now()) else { continue };
            let after = limited.refused.retry_after.expect("a wait helps");
            let slack = Duration::from_nanos(if quota.algorithm == Algorithm::SlidingLog { 16 } else { 1 });
            let now = bench.clock.now();
            if after > slack {
                let early = bench.limiter.check_n(n, now + after - slack);
                prop_assert!(early.is_err(), "{n} early by {slack:?} of {after:?}");
            }
            prop_assert!(bench.limiter.check_n(n, now + after).is_ok(), "{n} after {after:?}");
            bench.hand.advance(after);
        }
    }

    /// With even traffic at the rate nothing is refused; of the sliding window at half of it, because it takes the share
    /// of the last window for whole requests.
    #[test]
    fn a_rate_that_is_kept_is_never_refused(quota in quotas()) {
        let bench = Bench::new(quota);
        let interval = (crate::time::nanos(quota.per) * 16).div_ceil(u64::from(quota.requests.get())).div_ceil(16);
        let wait = match quota.algorithm {
            Algorithm::SlidingWindow => 2 * interval,
            Algorithm::SlidingLog => interval + 16,
            _ => interval,
        };
        for _ in 0..3000 {
            prop_assert!(bench.check().is_ok());
            bench.hand.advance(Duration::from_nanos(wait));
        }
    }

    #[test]
    fn the_standing_is_what_is_granted_next(quota in quotas(), waits in prop::collection::vec(0u64..2_000_000_000, 1..20)) {
        let bench = Bench::new(quota);
        for wait in waits {
            bench.hand.advance(Duration::from_nanos(wait * crate::time::nanos(quota.per) / 1_000_000_000));
            let remaining = bench.limiter.standing(bench.clock.now()).remaining;
            let granted = (0..).take_while(|_| bench.check().is_ok()).count() as u64;
            prop_assert_eq!(granted, remaining);
            prop_assert!(remaining <= bench.limiter.standing(bench.clock.now()).limit);
        }
    }

    #[test]
    fn what_would_be_granted_is(
        quota in quotas(),
        steps in prop::collection::vec((0u64..400_000_000, 0u64..12_000_000_000, 0u32..12), 1..100),
    ) {
        let bench = Bench::new(quota);
        bench.wait(20_000);
        for (wait, late, n) in steps {
            bench.hand.advance(Duration::from_nanos(wait * crate::time::nanos(quota.per) / 1_000_000_000));
            let now = bench.clock.now() - Duration::from_nanos(late);
            let remaining = bench.limiter.standing(now).remaining;
            let together = quota.algorithm != Algorithm::LeakyBucket || n <= quota.burst.get();
            let would = bench.limiter.would_grant(n, now);
            prop_assert_eq!(would, together && u64::from(n) <= remaining);
            prop_assert_eq!(bench.limiter.check_n(n, now).is_ok(), would);
        }
    }
}

#[test]
fn the_steepest_rates_are_kept() {
    let bench = Bench::new(Quota {
        requests: count(1_000_000_000),
        ..quota(Algorithm::TokenBucket, 1, 1)
    });
    for _ in 0..1000 {
        assert_eq!(bench.granted(3), 1);
        bench.hand.advance(Duration::from_nanos(1));
    }
    let slow = Bench::new(Quota {
        per: SECOND * 86_400,
        ..quota(Algorithm::TokenBucket, 1, 1)
    });
    assert_eq!(slow.granted(3), 1);
    slow.wait(86_399_999);
    assert_eq!(slow.granted(3), 0);
    slow.wait(1);
    assert_eq!(slow.granted(3), 1);
}

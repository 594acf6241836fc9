//! Clocks that step back, and threads that come late with the time that they have read.

use proptest::prelude::*;

use super::bounds::{check_bounds, quotas};
use super::*;

/// How many of so many are granted at that time.
fn granted(limiter: &Limiter, now: Instant, tries: u32) -> usize {
    waits(limiter, now, tries).len()
}

fn waits(limiter: &Limiter, now: Instant, tries: u32) -> Vec<Duration> {
    let all = (0..tries).filter_map(|_| limiter.check(now).ok());
    all.map(|granted| granted.wait).collect()
}

#[test]
fn a_clock_that_steps_back_grants_nothing_more() {
    for algorithm in ALL {
        let start = Clock::manual().0.now();
        let limiter = Limiter::new(quota(algorithm, 10, 10), start).expect("good");
        let late = start + SECOND * 107 / 2;
        assert_eq!(granted(&limiter, late, 100), 10);
        for back in [1, 100, 500, 1000, 3000, 9999] {
            let early = late - Duration::from_millis(back);
            for now in [early, late, early, late] {
                assert_eq!(granted(&limiter, now, 3), 0, "{algorithm:?} {back} ms back");
            }
        }
    }
}

#[test]
fn who_comes_late_is_told_when_to_come_again() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let start = Clock::manual().0.now();
        let limiter = Limiter::new(quota(algorithm, 10, 10), start).expect("good");
        granted(&limiter, start + SECOND * 20, 100);
        let early = start + SECOND * 35 / 2;
        let wait = limiter
            .check(early)
            .expect_err("all is used")
            .refused
            .retry_after
            .expect("a wait helps");
        let slack = Duration::from_nanos(1);
        assert!(limiter.check(early + wait - slack).is_err(), "{algorithm:?}");
        assert!(limiter.check(early + wait).is_ok(), "{algorithm:?}");
    }
}

/// The numbers of its windows go round every 4.7 hours, those of the fixed window every 50 days.
#[test]
fn old_counts_hold_nobody_back_when_the_numbers_go_round() {
    let shortest = |algorithm| Quota {
        per: Duration::from_millis(1),
        ..quota(algorithm, 10, 10)
    };
    for (algorithm, round) in [
        (Algorithm::FixedWindow, 1u64 << 32),
        (Algorithm::SlidingWindow, 1 << 24),
    ] {
        for windows in [round / 2 - 1, round / 2 + 20_000, round - 20_000, round] {
            let start = Clock::manual().0.now();
            let limiter = Limiter::new(shortest(algorithm), start).expect("good");
            granted(&limiter, start, 100);
            let later = start + Duration::from_millis(windows);
            granted(&limiter, later, 1);
            assert_eq!(
                granted(&limiter, later + Duration::from_millis(2), 100),
                10,
                "{algorithm:?} {windows}"
            );
        }
        let start = Clock::manual().0.now();
        let limiter = Limiter::new(shortest(algorithm), start).expect("good");
        let later = start + Duration::from_millis(round - 5000);
        assert_eq!(granted(&limiter, later, 100), 10, "{algorithm:?}: unused so far");
        assert_eq!(
            granted(&limiter, later + Duration::from_millis(2), 100),
            10,
            "{algorithm:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// What is granted to who comes late counts as of the time that he has read; of windows, as of the latest that came
    /// before.
    #[test]
    fn never_more_than_the_bound_for_who_comes_late(
        quota in quotas(),
        steps in prop::collection::vec((0u64..400_000_000, prop_oneof![Just(0), 1u64..9_999_000_000]), 1..150),
    ) {
        let bench = Bench::new(quota);
        let (beginning, mut latest, mut times) = (bench.clock.now(), 0, Vec::new());
        bench.wait(20_000);
        for (wait, late) in steps {
            bench.hand.advance(Duration::from_nanos(wait * crate::time::nanos(quota.per) / 1_000_000_000));
            let now = bench.clock.now() - Duration::from_nanos(late);
            let time = (now - beginning).as_nanos() as u64;
            latest = latest.max(time);
            let is_window = matches!(quota.algorithm, Algorithm::FixedWindow | Algorithm::SlidingWindow);
            for wait in waits(&bench.limiter, now, 3) {
                times.push(if is_window { latest } else { time + wait.as_nanos() as u64 });
            }
        }
        check_bounds(&quota, times);
    }
}

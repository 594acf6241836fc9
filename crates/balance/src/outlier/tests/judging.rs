//! The decision by itself.

use std::time::{Duration, Instant};

use nines_base::Clock;
use proptest::prelude::*;

use crate::outlier::Config;
use crate::outlier::judge::{Calls, Seen, Verdict, judge, most};

fn config() -> impl Strategy<Value = Config> {
    let rate = prop::option::of(0.01..1.0f64);
    let factor = prop::option::of(1.5..10.0f64);
    (1..10u32, rate, factor, 1..100u32).prop_map(|(errors, failure_rate, latency_factor, min_calls)| Config {
        consecutive_errors: errors,
        failure_rate,
        latency_factor,
        min_calls,
        ..Config::default()
    })
}

fn calls() -> impl Strategy<Value = Calls> {
    (0..500u32, 0..500u32, 0.0..2.0f64).prop_map(|(successes, failures, mean)| Calls {
        successes,
        failures,
        seconds: mean * f64::from(successes),
    })
}

fn seen(now: Instant) -> impl Strategy<Value = Seen> {
    let out = prop::option::weighted(0.3, -20..20i64).prop_map(move |seconds| {
        let away = |seconds: i64| Duration::from_secs(seconds.unsigned_abs());
        seconds.map(|seconds| {
            if seconds < 0 {
                now - away(seconds)
            } else {
                now + away(seconds)
            }
        })
    });
    (out, 0..20u32, 0..12u32, calls()).prop_map(|(out, times, errors, calls)| Seen {
        out,
        times,
        errors,
        calls: Some(calls),
    })
}

/// A pool whose clock has run for a while.
fn pool() -> impl Strategy<Value = (Vec<Seen>, Instant)> {
    let now = Clock::manual().0.now() + Duration::from_secs(1000);
    (prop::collection::vec(seen(now), 0..12), Just(now))
}

proptest! {
    #[test]
    fn at_least_half_stays_and_ejections_have_an_end(config in config(), (pool, now) in pool()) {
        let verdicts = judge(&config, &pool, now);
        prop_assert_eq!(verdicts.len(), pool.len());
        let goes = |verdict: &Verdict| matches!(verdict, Verdict::Goes { .. });
        let away = verdicts.iter().zip(&pool).filter(|(verdict, seen)| {
            goes(verdict) || (seen.out.is_some() && **verdict != Verdict::Returns)
        });
        prop_assert!(away.count() <= most(pool.len()));
        for (verdict, seen) in verdicts.iter().zip(&pool) {
            match verdict {
                Verdict::Goes { until, .. } => {
                    prop_assert!(seen.out.is_none());
                    prop_assert!(*until > now && *until <= now + config.max_ejection);
                }
                Verdict::Returns => prop_assert!(seen.out.is_some()),
                Verdict::Forgiven => {
                    prop_assert!(seen.out.is_none() && seen.times > 0);
                    prop_assert!(seen.errors == 0 && seen.calls.is_some_and(|calls| calls.successes > 0));
                }
                Verdict::Stays => prop_assert!(seen.out.is_none_or(|until| until > now)),
            }
        }
    }

    #[test]
    fn who_does_as_all_others_do_stays(config in config(), calls in calls(), count in 1..12usize) {
        let same = Seen { out: None, times: 0, errors: 0, calls: Some(calls) };
        let verdicts = judge(&config, &vec![same; count], Clock::manual().0.now());
        prop_assert_eq!(verdicts, vec![Verdict::Stays; count]);
    }

    /// The worse of two goes, or nobody.
    #[test]
    fn nobody_goes_in_place_of_one_that_is_worse(config in config(), bad in calls(), good in calls()) {
        let seen = |calls: Calls| Seen { out: None, times: 0, errors: 0, calls: Some(calls) };
        let verdicts = judge(&config, &[seen(bad), seen(good)], Clock::manual().0.now());
        let rate = |calls: &Calls| f64::from(calls.failures) / f64::from((calls.failures + calls.successes).max(1));
        let mean = |calls: &Calls| calls.seconds / f64::from(calls.successes.max(1));
        if matches!(verdicts[0], Verdict::Goes { .. }) {
            prop_assert!(rate(&bad) > rate(&good) || mean(&bad) > mean(&good));
        }
    }
}

#[test]
fn a_difference_by_chance_ejects_nobody() {
    let now = Clock::manual().0.now();
    let config = Config {
        failure_rate: Some(0.2),
        min_calls: 5,
        ..Config::default()
    };
    let seen = |successes, failures| Seen {
        out: None,
        times: 0,
        errors: 0,
        calls: Some(Calls {
            successes,
            failures,
            seconds: 0.0,
        }),
    };
    // 2 of 6 against 1 of 10: 23 points, and 1.2 standard errors.
    let verdicts = judge(&config, &[seen(4, 2), seen(9, 1)], now);
    assert_eq!(verdicts, [Verdict::Stays; 2]);
    // The same rates over a hundred times as many calls.
    let verdicts = judge(&config, &[seen(400, 200), seen(900, 100)], now);
    assert!(
        matches!(verdicts[..], [Verdict::Goes { .. }, Verdict::Stays]),
        "{verdicts:?}"
    );
}

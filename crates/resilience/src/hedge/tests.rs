use std::num::NonZeroU32;

use nines_base::Clock;

use super::*;
use crate::deadline::Deadline;
use crate::retry::{Budget, BudgetConfig, OuterAttempt};

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn start() -> Instant {
    Clock::manual().0.now()
}

fn budget(min_per_second: u32, now: Instant) -> Budget {
    let config = BudgetConfig {
        min_per_second,
        ..BudgetConfig::default()
    };
    Budget::new(config, now).expect("a good budget")
}

/// A hedge that knows 100 latencies of 1 to 100 ms.
fn taught(config: Config, now: Instant) -> Hedge {
    let hedge = Hedge::new(config, now).expect("a good hedge");
    (1..=100).for_each(|millis| hedge.record(millis * MILLI, now));
    hedge
}

#[test]
fn bad_configurations_are_refused_by_name() {
    let good = Config::default();
    let cases = [
        (Config { quantile: 0.0, ..good }, "hedge.quantile"),
        (Config { quantile: 1.0, ..good }, "hedge.quantile"),
        (Config { quantile: -0.5, ..good }, "hedge.quantile"),
        (
            Config {
                quantile: f64::NAN,
                ..good
            },
            "hedge.quantile",
        ),
        (
            Config {
                quantile: f64::INFINITY,
                ..good
            },
            "hedge.quantile",
        ),
        (Config { min_samples: 0, ..good }, "hedge.minSamples"),
        (
            Config {
                min_samples: u32::MAX,
                ..good
            },
            "hedge.minSamples",
        ),
        (
            Config {
                min_delay: Duration::ZERO,
                ..good
            },
            "hedge.minDelay",
        ),
        (
            Config {
                min_delay: 61 * SECOND,
                ..good
            },
            "hedge.minDelay",
        ),
        (
            Config {
                min_delay: 3 * SECOND,
                ..good
            },
            "hedge.maxDelay",
        ),
        (
            Config {
                max_delay: Duration::MAX,
                ..good
            },
            "hedge.maxDelay",
        ),
        (Config { max_hedges: 0, ..good }, "hedge.maxHedges"),
        (Config { max_hedges: 6, ..good }, "hedge.maxHedges"),
        (
            Config {
                window: Duration::ZERO,
                ..good
            },
            "hedge.window",
        ),
        (
            Config {
                window: Duration::MAX,
                ..good
            },
            "hedge.window",
        ),
    ];
    for (config, field) in cases {
        let error = Hedge::new(config, start()).expect_err("it is refused");
        assert_eq!(error.field, field, "{config:?}");
    }
}

#[test]
fn the_delay_is_the_quantile_within_its_bounds() {
    let now = start();
    let delay = |config: Config| taught(config, now).delay(now).expect("latencies are known");
    let good = Config::default();
    let p95 = delay(good);
    assert!(p95 >= 95 * MILLI && p95 <= 95 * MILLI * 17 / 16, "{p95:?}");
    assert_eq!(
        delay(Config {
            max_delay: 10 * MILLI,
            ..good
        }),
        10 * MILLI
    );
    assert_eq!(
        delay(Config {
            min_delay: SECOND,
            ..good
        }),
        SECOND
    );
}

#[test]
fn too_few_latencies_give_no_delay() {
    let now = start();
    let config = Config {
        min_samples: 101,
        ..Config::default()
    };
    let hedge = taught(config, now);
    assert_eq!(hedge.delay(now), None);
    hedge.record(MILLI, now);
    assert_eq!(hedge.delay(now), None, "computed once in a 64th of the window");
    assert!(hedge.delay(now + SECOND).is_some());
    let snapshot = hedge.snapshot(now + SECOND);
    assert_eq!((snapshot.samples, snapshot.delay), (101, hedge.delay(now + SECOND)));
}

#[test]
fn old_latencies_are_forgotten() {
    let now = start();
    let hedge = taught(Config::default(), now);
    assert!(hedge.delay(now).is_some());
    let later = now + 30 * SECOND;
    (0..100).for_each(|_| hedge.record(3 * MILLI, later));
    let mixed = hedge.delay(later).expect("latencies are known");
    assert!(mixed > 80 * MILLI, "{mixed:?}");
    let alone = hedge.delay(now + 60 * SECOND).expect("latencies are known");
    assert!(alone >= 3 * MILLI && alone <= 3 * MILLI * 17 / 16, "{alone:?}");
    assert_eq!(hedge.delay(now + 90 * SECOND), None, "nothing is known any more");
    assert_eq!(
        hedge.delay(now),
        None,
        "and a clock that steps back brings nothing back"
    );
}

#[test]
fn a_hedge_is_due_only_where_it_may_go() {
    let now = start();
    let hedge = taught(Config::default(), now);
    let unknown = Hedge::new(Config::default(), now).expect("a good hedge");
    let second = OuterAttempt::new(NonZeroU32::new(2).expect("not 0"));
    let soon = Some(Deadline::after(50 * MILLI, now));
    let late = Some(Deadline::after(SECOND, now));
    let first = OuterAttempt::FIRST;
    let due = |race: Race| race.next(&hedge, now).is_some();
    assert!(due(Race::new(true, first, None)));
    assert!(due(Race::new(true, first, late)));
    assert!(!due(Race::new(true, first, soon)), "it would come after the deadline");
    assert!(!due(Race::new(false, first, None)), "not idempotent");
    assert!(!due(Race::new(true, second, None)), "already a repetition");
    assert_eq!(Race::new(true, first, None).next(&unknown, now), None);
}

#[test]
fn what_is_fired_is_counted_and_paid() {
    let now = start();
    let hedge = taught(
        Config {
            max_hedges: 2,
            ..Config::default()
        },
        now,
    );
    let budget = budget(3, now);
    let mut race = Race::new(true, OuterAttempt::FIRST, None);
    assert_eq!(race.fire(&hedge, &budget, now), Fire::Go(2));
    assert_eq!(race.fire(&hedge, &budget, now), Fire::Go(3));
    assert_eq!(race.fire(&hedge, &budget, now), Fire::Suppressed(Suppressed::MaxHedges));
    assert_eq!(race.next(&hedge, now), None);
    assert_eq!((race.sent(), budget.snapshot(now).available), (2, 1.0));
    let mut posted = Race::new(false, OuterAttempt::FIRST, None);
    assert_eq!(
        posted.fire(&hedge, &budget, now),
        Fire::Suppressed(Suppressed::NotIdempotent)
    );
    let mut over = Race::new(true, OuterAttempt::FIRST, Some(Deadline::at(now)));
    assert_eq!(over.fire(&hedge, &budget, now), Fire::Suppressed(Suppressed::Deadline));
    assert_eq!(budget.snapshot(now).available, 1.0, "what is not sent is not paid");
}

/// failsafe-go#141: a budget that was used up by hedges failed the first attempt. Here the race goes on as it is, and a
/// later hedge may go once there is credit.
#[test]
fn failsafe_go_141_budget_suppresses_only_the_extra_attempt() {
    let now = start();
    let hedge = taught(Config::default(), now);
    let budget = budget(0, now);
    let mut race = Race::new(true, OuterAttempt::FIRST, None);
    assert_eq!(race.fire(&hedge, &budget, now), Fire::Suppressed(Suppressed::Budget));
    assert_eq!(race.sent(), 0);
    (0..5).for_each(|_| budget.record_request(now));
    assert_eq!(race.fire(&hedge, &budget, now), Fire::Go(2));
}

/// Retries and hedges draw on one budget.
#[test]
fn hedges_and_retries_share_the_budget() {
    let now = start();
    let hedge = taught(Config::default(), now);
    let budget = budget(1, now);
    assert_eq!(
        Race::new(true, OuterAttempt::FIRST, None).fire(&hedge, &budget, now),
        Fire::Go(2)
    );
    let mut attempts = crate::retry::Attempts::new(crate::retry::Config::default(), OuterAttempt::FIRST, now);
    let mut rng = nines_base::Rng::seeded(1);
    let next = attempts.next(crate::Observed::FAILURE, true, None, &budget, now, &mut rng);
    assert_eq!(next, crate::retry::Next::GiveUp(crate::retry::GiveUp::Budget));
}

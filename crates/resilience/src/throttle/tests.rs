//! The throttle by tables, against a model, and under threads.

mod model;
mod threads;

use nines_base::{Clock, ManualClock, Rng};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
/// Refused as soon as the probability is over zero.
const UNLUCKY: f64 = 0.0;
/// Passes unless the probability is one.
const LUCKY: f64 = 0.999_999;

/// A throttle and the clock it lives by.
struct Bench {
    throttle: Throttle,
    clock: Clock,
    hand: ManualClock,
}

impl Bench {
    fn new(config: Config) -> Self {
        let (clock, hand) = Clock::manual();
        let throttle = Throttle::new(config, clock.now()).expect("a good configuration");
        Self { throttle, clock, hand }
    }

    fn check(&self, draw: f64) -> Result<(), Refused> {
        self.throttle.check(self.clock.now(), draw)
    }

    fn record(&self, count: u32, outcome: Outcome) {
        for _ in 0..count {
            self.throttle.record(outcome, self.clock.now());
        }
    }

    fn snapshot(&self) -> Snapshot {
        self.throttle.snapshot(self.clock.now())
    }

    /// Lets the one call through that is forced now, so that the next is refused or not by its draw.
    fn spend_forced_pass(&self) {
        assert!(self.check(UNLUCKY).is_ok(), "the first is forced through");
    }

    /// `seconds` of so many calls a second to a callee that does this with each; of each second, how many were made.
    fn run(&self, seconds: u64, rate: u32, outcome: Outcome, rng: &mut Rng) -> Vec<u32> {
        let second = |_| {
            let mut passed = 0;
            for _ in 0..rate {
                self.hand.advance(SECOND / rate);
                if self.check(rng.unit()).is_ok() {
                    passed += 1;
                    self.record(1, outcome);
                }
            }
            passed
        };
        (0..seconds).map(second).collect()
    }
}

#[test]
fn refuses_by_the_formula() {
    use Outcome::{Failure, Ignored, Success, Throttled};
    for (name, results, expected) in [
        ("nothing known", vec![], 0.0),
        ("too few", vec![(9, Failure)], 0.0),
        ("enough", vec![(10, Failure)], 10.0 / 11.0),
        ("half is accepted", vec![(10, Success), (10, Failure)], 0.0),
        ("just under half", vec![(10, Success), (11, Failure)], 1.0 / 22.0),
        (
            "a quarter is accepted",
            vec![(25, Success), (75, Throttled)],
            50.0 / 101.0,
        ),
        ("all is accepted", vec![(100, Success)], 0.0),
        ("cancelled calls do not count", vec![(9, Failure), (90, Ignored)], 0.0),
    ] {
        let bench = Bench::new(Config::default());
        for (count, outcome) in results {
            bench.record(count, outcome);
        }
        let found = bench.snapshot().probability;
        assert!((found - expected).abs() < 1e-12, "{name}: {found}");
        if expected > 0.0 {
            bench.spend_forced_pass();
            let below = bench.check(expected - 1e-9);
            assert!(below.is_err(), "{name}");
        }
        assert!(bench.check(LUCKY).is_ok(), "{name}");
    }
}

#[test]
fn a_refusal_tells_what_was_compared_and_counts_as_a_request() {
    let bench = Bench::new(Config::default());
    bench.record(5, Outcome::Success);
    bench.record(15, Outcome::Throttled);
    bench.spend_forced_pass();
    bench.hand.advance(Duration::from_millis(250));
    let refused = bench.check(UNLUCKY).expect_err("three quarters are not accepted");
    assert_eq!(
        refused.to_string(),
        "overloaded: requests_per_accept=4 bound=2 calls=20, retry after 0.75 s"
    );
    let snapshot = bench.snapshot();
    assert_eq!((snapshot.requests, snapshot.accepted, snapshot.refused), (21, 5, 1));
}

#[test]
fn a_draw_that_is_no_number_passes() {
    let bench = Bench::new(Config::default());
    assert!(bench.check(-1.0).is_ok(), "nothing speaks against the callee");
    bench.record(100, Outcome::Failure);
    bench.spend_forced_pass();
    assert!(
        bench.check(f64::NAN).is_err(),
        "a broken draw does not switch the throttle off"
    );
    assert!(bench.check(1.0).is_ok());
}

#[test]
fn one_call_a_second_is_forced_through() {
    let bench = Bench::new(Config::default());
    bench.record(1000, Outcome::Failure);
    let mut passed = Vec::new();
    for tenth in 0..50 {
        if bench.check(UNLUCKY).is_ok() {
            passed.push(tenth);
        }
        bench.hand.advance(Duration::from_millis(100));
    }
    assert_eq!(passed, [0, 10, 20, 30, 40]);
}

#[test]
fn old_results_count_no_more() {
    let config = Config {
        window: 10 * SECOND,
        ..Config::default()
    };
    let bench = Bench::new(config);
    bench.record(50, Outcome::Failure);
    bench.spend_forced_pass();
    bench.hand.advance(10 * SECOND - Duration::from_nanos(1));
    assert!(bench.snapshot().probability > 0.9);
    bench.hand.advance(Duration::from_nanos(1));
    assert_eq!(bench.snapshot().requests, 0);
    assert!(bench.check(UNLUCKY).is_ok());
}

/// The acceptances go out of the window before the failures: the probability rises though nothing has failed since.
#[test]
fn time_alone_can_raise_the_probability() {
    let bench = Bench::new(Config {
        window: 10 * SECOND,
        ..Config::default()
    });
    bench.record(2000, Outcome::Success);
    bench.hand.advance(5 * SECOND);
    bench.record(1000, Outcome::Failure);
    assert!(bench.check(UNLUCKY).is_ok(), "two thirds are accepted");
    bench.hand.advance(4 * SECOND);
    bench.record(1, Outcome::Success);
    bench.hand.advance(SECOND);
    bench.spend_forced_pass();
    assert!(bench.check(0.4).is_err());
}

/// Half of a window after the last trouble half of the probability is left, after a whole one none.
#[test]
fn calm_ends_the_throttling() {
    let bench = Bench::new(Config {
        window: 100 * SECOND,
        ..Config::default()
    });
    bench.hand.advance(10 * SECOND);
    bench.record(90, Outcome::Failure);
    bench.hand.advance(10 * SECOND);
    assert_eq!(bench.snapshot().probability, 90.0 / 91.0, "silence is not calm");
    bench.record(9, Outcome::Success);
    let bare = (99.0 - 18.0) / 100.0;
    for (wait, share) in [(0, 0.9), (40, 0.5), (39, 0.11)] {
        bench.hand.advance(wait * SECOND);
        let found = bench.snapshot().probability;
        assert!((found - bare * share).abs() < 1e-9, "{share}: {found}");
    }
    bench.record(1, Outcome::Failure);
    assert!(bench.snapshot().probability > 0.8, "trouble again");
}

/// A minute of failures kept callers away for a quarter of an hour.
#[test]
fn go_zero_4101_refused_long_after_the_failure() {
    for (name, warm_up, outage) in [
        ("after an hour of health", 300, 60),
        ("from the start", 0, 60),
        ("long", 300, 600),
    ] {
        for rate in [10, 1000] {
            let bench = Bench::new(Config::default());
            let mut rng = Rng::seeded(7);
            bench.run(warm_up, rate, Outcome::Success, &mut rng);
            let during = bench.run(outage, rate, Outcome::Failure, &mut rng);
            if outage > 120 {
                assert!(
                    during[during.len() - 1] <= 1 + rate / 50,
                    "{name}: still asked {during:?}"
                );
            }
            let after = bench.run(125, rate, Outcome::Success, &mut rng);
            let half = after.iter().position(|passed| *passed >= rate / 2);
            assert!(half < Some(90), "{name}, {rate}/s: half of the calls after {half:?} s");
            assert_eq!(
                after.last(),
                Some(&rate),
                "{name}, {rate}/s: all of them after a window"
            );
        }
    }
}

/// A callee that takes half of a load is asked about twice what it takes, and keeps doing its share.
#[test]
fn a_callee_at_its_limit_is_asked_k_times_what_it_takes() {
    let bench = Bench::new(Config {
        window: 10 * SECOND,
        ..Config::default()
    });
    let (mut rng, capacity) = (Rng::seeded(3), 25);
    let mut asked = 0;
    for second in 0..120 {
        let mut taken = 0;
        for _ in 0..200 {
            bench.hand.advance(SECOND / 200);
            if bench.check(rng.unit()).is_ok() {
                asked += u32::from(second >= 60);
                taken += 1;
                let outcome = if taken <= capacity {
                    Outcome::Success
                } else {
                    Outcome::Throttled
                };
                bench.record(1, outcome);
            }
        }
    }
    let per_second = f64::from(asked) / 60.0;
    assert!(
        (45.0..58.0).contains(&per_second),
        "{per_second} asked for 25 that are taken"
    );
}

#[test]
fn a_clock_that_steps_back_harms_nothing() {
    let (clock, hand) = Clock::manual();
    let early = clock.now();
    hand.advance(100 * SECOND);
    let throttle = Throttle::new(Config::default(), clock.now()).expect("good");
    let later = clock.now() + 1000 * SECOND;
    for _ in 0..100 {
        throttle.record(Outcome::Failure, later);
    }
    assert!(throttle.check(later, UNLUCKY).is_ok(), "forced");
    assert!(throttle.check(later, UNLUCKY).is_err());
    assert!(
        throttle.check(early, UNLUCKY).is_ok(),
        "forced again: no waiting for a time that has been"
    );
    assert!(throttle.check(early, UNLUCKY).is_err());
    for _ in 0..200 {
        throttle.record(Outcome::Success, early);
    }
    assert!(
        throttle.check(early, UNLUCKY).is_ok(),
        "what is accepted counts, whenever it is"
    );
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let base = Config::default();
    let window = |window| Config { window, ..base };
    let forced = |forced_pass_every| Config {
        forced_pass_every,
        ..base
    };
    for (field, config) in [
        ("throttle.k", Config { k: 1.0, ..base }),
        ("throttle.k", Config { k: f64::NAN, ..base }),
        (
            "throttle.k",
            Config {
                k: f64::INFINITY,
                ..base
            },
        ),
        ("throttle.window", window(Duration::ZERO)),
        ("throttle.window", window(Duration::from_nanos(1))),
        ("throttle.window", window(601 * SECOND)),
        ("throttle.minCalls", Config { min_calls: 0, ..base }),
        (
            "throttle.minCalls",
            Config {
                min_calls: 1_000_001,
                ..base
            },
        ),
        ("throttle.forcedPassEvery", forced(Duration::ZERO)),
        ("throttle.forcedPassEvery", forced(61 * SECOND)),
    ] {
        let error = Throttle::new(config, Clock::manual().0.now()).expect_err(field);
        assert_eq!(error.field, field, "{error}");
    }
    assert_eq!(base.validate(), Ok(()));
}

#[test]
fn it_is_as_small_as_it_says() {
    assert!(size_of::<Throttle>() <= 512, "{}", size_of::<Throttle>());
}

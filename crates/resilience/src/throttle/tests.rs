//! The throttle on a fake clock.

use nines_base::{Clock, ManualClock, Rng};
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

struct Bench {
    throttle: Throttle,
    clock: Clock,
    hand: ManualClock,
    rng: Rng,
}

impl Bench {
    fn new(config: Config) -> Self {
        let (clock, hand) = Clock::manual();
        let throttle = Throttle::new(config, clock.now()).expect("a good configuration");
        let rng = Rng::seeded(7);
        Self {
            throttle,
            clock,
            hand,
            rng,
        }
    }

    fn check(&mut self) -> Result<(), Refused> {
        self.throttle.check(self.clock.now(), self.rng.unit())
    }

    fn record(&self, outcome: Outcome, count: u32) {
        for _ in 0..count {
            self.throttle.record(outcome, self.clock.now());
        }
    }

    fn probability(&self) -> f64 {
        self.throttle.snapshot(self.clock.now()).probability
    }

    /// Offers `offered` requests a second to a callee that accepts `capacity` of them; how many reach it in the last second.
    fn run(&mut self, seconds: u32, offered: u32, capacity: u32) -> u32 {
        let mut sent = 0;
        for _ in 0..seconds {
            sent = 0;
            for _ in 0..offered {
                self.hand.advance(SECOND / offered);
                if self.check().is_ok() {
                    sent += 1;
                    let outcome = if sent <= capacity {
                        Outcome::Success
                    } else {
                        Outcome::Throttled
                    };
                    self.record(outcome, 1);
                }
            }
        }
        sent
    }
}

#[test]
fn the_formula_of_the_book() {
    for (accepted, failed, expected) in [
        (0, 9, 0.0),
        (0, 10, 10.0 / 11.0),
        (10, 0, 0.0),
        (10, 10, 0.0),
        (10, 11, 1.0 / 22.0),
        (10, 90, 80.0 / 101.0),
    ] {
        let bench = Bench::new(Config::default());
        bench.record(Outcome::Success, accepted);
        bench.record(Outcome::Failure, failed);
        bench.record(Outcome::Ignored, 50);
        let found = bench.probability();
        assert!((found - expected).abs() < 1e-12, "{accepted} {failed}: {found}");
    }
}

#[test]
fn an_overloaded_callee_is_offered_k_times_what_it_accepts() {
    let mut bench = Bench::new(Config::default());
    let sent = bench.run(60, 1000, 100);
    assert!((150..=250).contains(&sent), "{sent}");
    assert_eq!(bench.run(45, 1000, 1000), 1000, "all go through soon after it is well");
}

#[test]
fn a_dead_callee_is_tried_once_a_second() {
    let mut bench = Bench::new(Config::default());
    bench.run(20, 1000, 0);
    let mut passed = 0;
    for _ in 0..10_000 {
        bench.hand.advance(SECOND / 1000);
        if bench.check().is_ok() {
            passed += 1;
            bench.record(Outcome::Failure, 1);
        }
    }
    assert!((10..=25).contains(&passed), "{passed} in 10 s");
}

#[test]
fn a_refusal_tells_what_was_compared() {
    let bench = Bench::new(Config::default());
    bench.record(Outcome::Success, 10);
    bench.record(Outcome::Failure, 90);
    let now = bench.clock.now();
    let refused = bench.throttle.check(now, 0.0).expect_err("probably");
    assert_eq!(
        refused.to_string(),
        "overloaded: requests_per_accept=10 bound=2 calls=100, retry after 1 s"
    );
}

/// A minute of failures kept callers away for a quarter of an hour.
#[test]
fn go_zero_4101_recovers_soon_after_the_failure() {
    let mut bench = Bench::new(Config::default());
    bench.run(60, 100, 100);
    bench.run(60, 100, 0);
    bench.run(45, 100, 100);
    assert!(bench.probability() < 0.01, "{}", bench.probability());
}

#[test]
fn a_clock_that_steps_back_harms_nothing() {
    let bench = Bench::new(Config::default());
    let early = bench.clock.now();
    bench.hand.advance(100 * SECOND);
    bench.record(Outcome::Failure, 50);
    let passed = [0.0, 0.5, 0.999].map(|draw| bench.throttle.check(early, draw).is_ok());
    assert_eq!(passed, [false, false, true]);
    bench.throttle.record(Outcome::Success, early);
    assert_eq!(bench.throttle.snapshot(bench.clock.now()).accepts, 1);
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let base = Config::default();
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
        (
            "throttle.window",
            Config {
                window: Duration::ZERO,
                ..base
            },
        ),
        ("throttle.minCalls", Config { min_calls: 0, ..base }),
        (
            "throttle.forcedPass",
            Config {
                forced_pass: Duration::ZERO,
                ..base
            },
        ),
    ] {
        let error = Throttle::new(config, Clock::manual().0.now()).expect_err(field);
        assert_eq!(error.field, field, "{error}");
    }
}

#[test]
fn threads_lose_no_request() {
    let bench = Bench::new(Config::default());
    let (throttle, now) = (&bench.throttle, bench.clock.now());
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            scope.spawn(move || {
                for number in 0..1000 {
                    let accepted = (number + thread) % 4 == 0;
                    throttle.record(if accepted { Outcome::Success } else { Outcome::Failure }, now);
                }
            });
        }
    });
    let snapshot = throttle.snapshot(now);
    assert_eq!((snapshot.requests, snapshot.accepts), (8000, 2000));
}

proptest! {
    #[test]
    fn a_probability_is_one(accepted in 0u32..200, failed in 0u32..200, k in 1.01f64..100.0) {
        let bench = Bench::new(Config { k, ..Config::default() });
        bench.record(Outcome::Success, accepted);
        bench.record(Outcome::Failure, failed);
        let probability = bench.probability();
        prop_assert!((0.0..1.0).contains(&probability));
        let bounded = f64::from(accepted + failed) <= k * f64::from(accepted);
        prop_assert!(!bounded || probability == 0.0);
    }
}

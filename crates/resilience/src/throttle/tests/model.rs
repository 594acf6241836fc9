//! The throttle against the plainest thing that does the same.

use std::collections::VecDeque;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Check(f64),
    Record(Outcome, u32),
}

/// Keeps every request with its time and whether it was accepted; times in milliseconds.
struct Model {
    config: Config,
    requests: VecDeque<(u64, bool)>,
    /// Whether the formula was over zero when it was last looked at: after a request that was not accepted, and after the
    /// first result of a bucket.
    looks: bool,
    passed: u64,
}

impl Model {
    fn formula(&self, now: u64) -> (f64, f64) {
        let counts = |(at, _): &&(u64, bool)| self.bucket(now) - self.bucket(*at) < 10;
        let counted: Vec<bool> = self.requests.iter().filter(counts).map(|(_, ok)| *ok).collect();
        let (n, ok) = (counted.len() as f64, counted.iter().filter(|ok| **ok).count() as f64);
        (n, f64::max(0.0, (n - self.config.k * ok) / (n + 1.0)))
    }

    fn probability(&self, now: u64) -> f64 {
        let (n, formula) = self.formula(now);
        if n < f64::from(self.config.min_calls) {
            0.0
        } else {
            formula
        }
    }

    fn check(&mut self, now: u64, draw: f64) -> bool {
        if !self.looks {
            return true;
        }
        self.look(now);
        let probability = self.probability(now);
        if draw >= probability {
            self.passed = if probability > 0.0 { now } else { self.passed };
            return true;
        }
        if now - self.passed >= millis(self.config.forced_pass) {
            self.passed = now;
            return true;
        }
        self.requests.push_back((now, false));
        false
    }

    fn record(&mut self, now: u64, outcome: Outcome) {
        if outcome == Outcome::Ignored {
            return;
        }
        let accepted = outcome == Outcome::Success;
        let last = self.requests.back().map(|(at, _)| self.bucket(*at));
        self.requests.push_back((now, accepted));
        if !accepted || last != Some(self.bucket(now)) {
            self.look(now);
        }
    }

    fn look(&mut self, now: u64) {
        self.looks = self.formula(now).1 > 0.0;
    }

    fn bucket(&self, at: u64) -> u64 {
        at / (millis(self.config.window) / 10)
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Success),
        3 => Just(Outcome::Failure),
        3 => Just(Outcome::Throttled),
        1 => Just(Outcome::Ignored),
    ];
    let step = prop_oneof![
        2 => (0u64..2000).prop_map(Step::Wait),
        1 => (2000u64..30_000).prop_map(Step::Wait),
        6 => (0.0..1.0f64).prop_map(Step::Check),
        1 => Just(Step::Check(0.0)),
        6 => (outcome, 1u32..6).prop_map(|(outcome, count)| Step::Record(outcome, count)),
    ];
    prop::collection::vec(step, 1..150)
}

fn config() -> impl Strategy<Value = Config> {
    (1.01f64..4.0, 1u64..30, 1u32..20, 10u64..3000).prop_map(|(k, seconds, min_calls, pass)| Config {
        k,
        window: Duration::from_secs(seconds),
        min_calls,
        forced_pass: Duration::from_millis(pass),
    })
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(config in config(), steps in steps()) {
        let bench = Bench::new(config);
        let start = bench.clock.now();
        let mut model = Model { config, requests: VecDeque::new(), looks: false, passed: 0 };
        for step in steps {
            let now = millis(bench.clock.now() - start);
            match step {
                Step::Wait(time) => bench.hand.advance(Duration::from_millis(time)),
                Step::Check(draw) => {
                    let ours = bench.throttle.check(bench.clock.now(), draw).is_ok();
                    prop_assert_eq!(ours, model.check(now, draw));
                }
                Step::Record(outcome, count) => {
                    bench.record(outcome, count);
                    (0..count).for_each(|_| model.record(now, outcome));
                }
            }
            let now = millis(bench.clock.now() - start);
            prop_assert!((bench.probability() - model.probability(now)).abs() < 1e-9);
        }
    }
}

//! The throttle against the plainest thing that does the same.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Check(f64),
    Record(Outcome, u32),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Accepted,
    NotAccepted,
    RefusedHere,
}

/// Keeps every event with its time and computes at every check; times in milliseconds.
struct Model {
    config: Config,
    events: VecDeque<(u64, Event)>,
    trouble: u64,
    forced: Option<u64>,
}

impl Model {
    fn probability(&self, now: u64) -> f64 {
        let bucket = millis(self.config.window) / 10;
        let counts = |(at, _): &&(u64, Event)| now / bucket - at / bucket < 10;
        let (mut requests, mut accepted) = (0.0, 0.0);
        for (_, event) in self.events.iter().filter(counts) {
            requests += 1.0;
            accepted += f64::from(u8::from(*event == Event::Accepted));
        }
        if requests < f64::from(self.config.min_calls) {
            return 0.0;
        }
        let bare = f64::max(0.0, (requests - self.config.k * accepted) / (requests + 1.0));
        let calm = (now - self.trouble) as f64 / millis(self.config.window) as f64;
        if accepted == 0.0 {
            bare
        } else {
            bare * (1.0 - calm.min(1.0))
        }
    }

    fn check(&mut self, now: u64, draw: f64) -> bool {
        if draw >= self.probability(now) {
            return true;
        }
        if self
            .forced
            .is_none_or(|at| now - at >= millis(self.config.forced_pass_every))
        {
            self.forced = Some(now);
            return true;
        }
        self.events.push_back((now, Event::RefusedHere));
        false
    }

    fn record(&mut self, now: u64, outcome: Outcome) {
        let event = match outcome {
            Outcome::Success => Event::Accepted,
            Outcome::Failure | Outcome::Throttled => {
                self.trouble = now;
                Event::NotAccepted
            }
            Outcome::Ignored => return,
        };
        self.events.push_back((now, event));
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}

/// Few enough calls for every probability to be that of all results; waits no shorter than one is good for.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Success),
        3 => Just(Outcome::Failure),
        3 => Just(Outcome::Throttled),
        1 => Just(Outcome::Ignored),
    ];
    let step = prop_oneof![
        2 => (10u64..2000).prop_map(Step::Wait),
        1 => (2000u64..30_000).prop_map(Step::Wait),
        6 => (0.0..1.0f64).prop_map(Step::Check),
        1 => Just(Step::Check(UNLUCKY)),
        6 => (outcome, 1u32..6).prop_map(|(outcome, count)| Step::Record(outcome, count)),
    ];
    prop::collection::vec(step, 1..150)
}

fn config() -> impl Strategy<Value = Config> {
    (1.01f64..4.0, 1u64..30, 1u32..20, 1u64..3000).prop_map(|(k, seconds, min_calls, every)| Config {
        k,
        window: Duration::from_secs(seconds),
        min_calls,
        forced_pass_every: Duration::from_millis(every),
    })
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(config in config(), steps in steps()) {
        let bench = Bench::new(config);
        let start = bench.clock.now();
        let mut model = Model { config, events: VecDeque::new(), trouble: 0, forced: None };
        for step in steps {
            let now = millis(bench.clock.now() - start);
            match step {
                Step::Wait(time) => bench.hand.advance(Duration::from_millis(time)),
                Step::Check(draw) => prop_assert_eq!(bench.check(draw).is_ok(), model.check(now, draw)),
                Step::Record(outcome, count) => {
                    bench.record(count, outcome);
                    (0..count).for_each(|_| model.record(now, outcome));
                }
            }
            let now = millis(bench.clock.now() - start);
            let (ours, theirs) = (bench.snapshot().probability, model.probability(now));
            prop_assert!((ours - theirs).abs() < 1e-9, "{} and {}", ours, theirs);
            prop_assert!((0.0..1.0).contains(&ours));
        }
    }
}

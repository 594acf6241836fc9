//! The breaker against the plainest thing that does the same.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Begin,
    /// The oldest call under way comes to this.
    End(Result),
    Cancel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Result {
    Good,
    Bad,
    Ignored,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    generation: u32,
    probe: bool,
    begun: u64,
}

/// Keeps every result with its time, and counts.
struct Model {
    config: Config,
    state: State,
    generation: u32,
    /// When, whether it failed, whether it was slow.
    results: VecDeque<(u64, bool, bool)>,
    in_a_row: u32,
    until: u64,
    since: u64,
    openings: u32,
    probes: u32,
    successes: u32,
}

impl Model {
    fn check(&mut self, now: u64) -> Option<Call> {
        if self.state == State::Open && now >= self.until || self.is_stuck(now) {
            self.turn(State::HalfOpen, now);
        }
        match self.state {
            State::Closed => Some(self.call(false, now)),
            State::HalfOpen if self.probes < self.config.half_open_calls => {
                self.probes += 1;
                Some(self.call(true, now))
            }
            _ => None,
        }
    }

    fn call(&self, probe: bool, begun: u64) -> Call {
        let generation = self.generation;
        Call {
            generation,
            probe,
            begun,
        }
    }

    fn is_stuck(&self, now: u64) -> bool {
        let full = self.state == State::HalfOpen && self.probes == self.config.half_open_calls;
        full && now - self.since >= millis(self.config.lost_after())
    }

    fn end(&mut self, call: Call, result: Option<Result>, now: u64) {
        if call.generation != self.generation {
            return;
        }
        let slower = |slow: SlowCalls| now - call.begun > millis(slow.slower_than);
        let slow = self.config.slow_calls.is_some_and(slower);
        match (call.probe, result) {
            (true, None | Some(Result::Ignored)) => self.probes -= 1,
            (true, Some(Result::Bad)) if self.config.minds_failures() => self.open(now),
            (true, Some(_)) if slow => self.open(now),
            (true, Some(_)) => {
                self.successes += 1;
                if self.successes == self.config.half_open_calls {
                    self.turn(State::Closed, now);
                }
            }
            (false, Some(result)) if result != Result::Ignored => self.count(result == Result::Bad, slow, now),
            _ => {}
        }
    }

    fn count(&mut self, bad: bool, slow: bool, now: u64) {
        self.results.push_back((now, bad, slow));
        match self.config.window {
            Window::Calls(size) => {
                while self.results.len() > size.get() as usize {
                    self.results.pop_front();
                }
            }
            Window::Time(length) => {
                let bucket = millis(length) / 10;
                self.results.retain(|(at, ..)| now / bucket - at / bucket < 10);
            }
        }
        self.in_a_row = if bad { self.in_a_row + 1 } else { 0 };
        let calls = self.results.len();
        let over = |count: usize, bound: f64| count > 0 && count as f64 / calls as f64 >= bound;
        let failures = self.results.iter().filter(|(_, bad, _)| *bad).count();
        let slow = self.results.iter().filter(|(.., slow)| *slow).count();
        let rate = self.config.failure_rate.is_some_and(|bound| over(failures, bound))
            || self.config.slow_calls.is_some_and(|bound| over(slow, bound.rate));
        let in_a_row = self
            .config
            .consecutive_failures
            .is_some_and(|bound| self.in_a_row >= bound);
        if in_a_row || rate && calls >= self.config.min_calls as usize {
            self.open(now);
        }
    }

    fn open(&mut self, now: u64) {
        if self.state == State::Closed && now - self.since >= millis(self.config.healthy_after) {
            self.openings = 0;
        }
        let doubled = millis(self.config.open_for) << self.openings.min(20);
        self.until = now + doubled.min(millis(self.config.max_open_for));
        self.openings += 1;
        self.turn(State::Open, now);
    }

    fn turn(&mut self, state: State, now: u64) {
        self.state = state;
        self.generation += 1;
        (self.since, self.in_a_row, self.probes, self.successes) = (now, 0, 0, 0);
        self.results.clear();
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let result = prop_oneof![
        3 => Just(Result::Good),
        4 => Just(Result::Bad),
        1 => Just(Result::Ignored),
    ];
    let step = prop_oneof![
        1 => (0u64..3000).prop_map(Step::Wait),
        1 => (5000u64..70_000).prop_map(Step::Wait),
        1 => (590_000u64..700_000).prop_map(Step::Wait),
        12 => Just(Step::Begin),
        12 => result.prop_map(Step::End),
        1 => Just(Step::Cancel),
    ];
    prop::collection::vec(step, 1..300)
}

fn config() -> impl Strategy<Value = Config> {
    let window = prop_oneof![
        (1u32..8).prop_map(|calls| Window::Calls(NonZeroU32::new(calls).expect("not zero"))),
        (1u64..5).prop_map(|seconds| Window::Time(Duration::from_secs(seconds))),
    ];
    let row = proptest::option::of(1u32..6);
    let slow = proptest::option::of((1u64..3000, 1u32..=10).prop_map(|(time, tenths)| SlowCalls {
        slower_than: Duration::from_millis(time),
        rate: f64::from(tenths) / 10.0,
    }));
    let rate = proptest::option::weighted(0.8, (1u32..=10).prop_map(|tenths| f64::from(tenths) / 10.0));
    (window, 1u32..8, rate, row, 1u32..4, slow).prop_map(|(window, min, rate, row, probes, slow)| Config {
        slow_calls: slow,
        window,
        min_calls: match window {
            Window::Calls(size) => min.min(size.get()),
            Window::Time(_) => min,
        },
        failure_rate: rate.or((row.is_none() && slow.is_none()).then_some(0.5)),
        consecutive_failures: row,
        half_open_calls: probes,
        ..no_jitter()
    })
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(config in config(), steps in steps()) {
        let bench = Bench::new(config);
        let start = bench.clock.now();
        let mut model = Model {
            config,
            state: State::Closed,
            generation: 0,
            results: VecDeque::new(),
            in_a_row: 0,
            until: 0,
            since: 0,
            openings: 0,
            probes: 0,
            successes: 0,
        };
        let mut under_way = VecDeque::new();
        for step in steps {
            let now = millis(bench.clock.now() - start);
            match step {
                Step::Wait(time) => bench.hand.advance(Duration::from_millis(time)),
                Step::Begin => {
                    let (ours, theirs) = (bench.check().ok(), model.check(now));
                    prop_assert_eq!(ours.is_some(), theirs.is_some());
                    under_way.extend(ours.zip(theirs));
                }
                Step::End(result) => if let Some((ticket, call)) = under_way.pop_front() {
                    let observed = match result {
                        Result::Good => Observed::SUCCESS,
                        Result::Bad => Observed::FAILURE,
                        Result::Ignored => Observed::IGNORED,
                    };
                    bench.breaker.record(ticket, observed, bench.clock.now());
                    model.end(call, Some(result), now);
                },
                Step::Cancel => if let Some((ticket, call)) = under_way.pop_back() {
                    bench.breaker.release(ticket);
                    model.end(call, None, now);
                },
            }
            prop_assert_eq!(bench.state(), model.state);
            prop_assert_eq!(bench.snapshot().probes, model.probes);
        }
    }
}

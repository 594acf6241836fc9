//! A machine with more to do than it can.

use super::*;

const CORES: f64 = 4.0;
/// Processor time of a call.
const WORK: f64 = 0.010;
const STEP: f64 = 0.005;
const CAPACITY: f64 = CORES / WORK;

/// Shares its processors among all calls in flight, each of which can use one.
struct Machine {
    bench: Bench,
    /// What each call still needs, and when it came.
    calls: Vec<(ShedTicket, f64, f64)>,
    time: f64,
    due: f64,
    busy: f64,
    fed: f64,
}

/// What became of the calls of a time.
#[derive(Debug, Default)]
struct Seen {
    refused: u32,
    done: u32,
    longest: f64,
}

impl Machine {
    fn new() -> Self {
        Self {
            bench: Bench::new(),
            calls: Vec::new(),
            time: 0.0,
            due: 0.0,
            busy: 0.0,
            fed: 0.0,
        }
    }

    /// So many calls a second, for so long. What is done in the last `counted` seconds is seen.
    fn run(&mut self, rate: f64, seconds: f64, counted: f64) -> Seen {
        let (end, mut seen) = (self.time + seconds, Seen::default());
        while self.time < end {
            if self.time < end - counted {
                seen = Seen::default();
            }
            self.step(rate, &mut seen);
        }
        seen
    }

    fn step(&mut self, rate: f64, seen: &mut Seen) {
        self.due += rate * STEP;
        while self.due >= 1.0 {
            self.due -= 1.0;
            match self.bench.enter(Priority::Medium) {
                Ok(ticket) => self.calls.push((ticket, WORK, self.time)),
                Err(_) => seen.refused += 1,
            }
        }
        let share = (CORES / self.calls.len().max(1) as f64).min(1.0) * STEP;
        self.busy += share * self.calls.len() as f64;
        self.time += STEP;
        self.bench.hand.advance(Duration::from_secs_f64(STEP));
        for (ticket, left, came) in std::mem::take(&mut self.calls) {
            if left - share > 1e-9 {
                self.calls.push((ticket, left - share, came));
                continue;
            }
            self.bench
                .shedder
                .record(ticket, Outcome::Success, self.bench.clock.now());
            seen.done += 1;
            seen.longest = seen.longest.max(self.time - came);
        }
        if self.time - self.fed >= 0.25 {
            let load = self.busy / ((self.time - self.fed) * CORES);
            self.bench.shedder.feed(load, self.bench.clock.now());
            (self.busy, self.fed) = (0.0, self.time);
        }
    }
}

#[test]
fn in_three_times_the_load_it_works_at_capacity_and_answers_in_time() {
    let mut machine = Machine::new();
    let calm = machine.run(CAPACITY * 0.5, 10.0, 10.0);
    assert_eq!(calm.refused, 0);
    let overload = machine.run(CAPACITY * 3.0, 60.0, 40.0);
    let goodput = f64::from(overload.done) / 40.0;
    assert!(goodput > 0.9 * CAPACITY, "{goodput} of {CAPACITY} a second");
    assert!(
        overload.longest < 10.0 * WORK,
        "{} s for a call of {WORK} s",
        overload.longest
    );
    assert!(f64::from(overload.refused) / 40.0 > 1.9 * CAPACITY);
    machine.run(CAPACITY * 0.5, 3.0, 0.0);
    let after = machine.run(CAPACITY * 0.5, 10.0, 10.0);
    assert_eq!(after.refused, 0, "the overload is forgotten");
}

/// The bound tries again and again whether more may be in flight, and does not wander off.
#[test]
fn in_ten_minutes_of_it_as_in_one() {
    let mut machine = Machine::new();
    machine.run(CAPACITY * 0.5, 10.0, 10.0);
    for minutes in [1.0, 9.0] {
        let overload = machine.run(CAPACITY * 3.0, minutes * 60.0, minutes * 60.0 - 20.0);
        let goodput = f64::from(overload.done) / (minutes * 60.0 - 20.0);
        assert!(goodput > 0.9 * CAPACITY, "{goodput} of {CAPACITY} a second");
        assert!(overload.longest < 10.0 * WORK, "{} s", overload.longest);
    }
}

#[test]
fn without_it_calls_would_pile_up() {
    let mut machine = Machine::new();
    machine.fed = f64::INFINITY;
    let overload = machine.run(CAPACITY * 3.0, 10.0, 1.0);
    assert!(
        overload.longest > 100.0 * WORK,
        "the machine of the test can be overloaded"
    );
}

/// A burst that is over before the processors have noticed is borne.
#[test]
fn a_short_burst_is_let_through() {
    let mut machine = Machine::new();
    machine.run(CAPACITY * 0.2, 10.0, 10.0);
    let burst = machine.run(CAPACITY * 2.0, 0.1, 0.1);
    let after = machine.run(CAPACITY * 0.2, 5.0, 5.0);
    assert_eq!((burst.refused, after.refused), (0, 0));
}

mod neighbour;
mod overload;

use std::sync::Barrier;

use nines_base::{Clock, ManualClock};
use proptest::prelude::*;

use super::*;

const MILLIS: Duration = Duration::from_millis(1);

struct Bench {
    shedder: Shedder,
    clock: Clock,
    hand: ManualClock,
}

impl Bench {
    fn new() -> Self {
        let (clock, hand) = Clock::manual();
        let shedder = Shedder::new(ShedderConfig::default(), clock.now()).expect("good");
        Self { shedder, clock, hand }
    }

    fn enter(&self, priority: Priority) -> Result<ShedTicket, Refused> {
        self.shedder.try_enter(priority, self.clock.now())
    }

    /// A second with so many calls at a time, of 100 ms each, and that load.
    fn second(&self, at_a_time: u32, cpu: f64) {
        for _ in 0..10 {
            let tickets: Vec<_> = (0..at_a_time)
                .filter_map(|_| self.enter(Priority::Medium).ok())
                .collect();
            self.hand.advance(100 * MILLIS);
            for ticket in tickets {
                self.shedder.record(ticket, Outcome::Success, self.clock.now());
            }
        }
        self.shedder.feed(cpu, self.clock.now());
    }

    /// How many get in beside each other.
    fn room(&self, priority: Priority) -> usize {
        let tickets: Vec<_> = std::iter::from_fn(|| self.enter(priority).ok()).take(1000).collect();
        let count = tickets.len();
        tickets.into_iter().for_each(|ticket| self.shedder.release(ticket));
        count
    }
}

#[test]
fn below_the_threshold_nothing_is_refused() {
    let bench = Bench::new();
    bench.second(5, 0.89);
    assert_eq!(bench.room(Priority::VeryLow), 1000);
    assert_eq!(bench.shedder.snapshot(bench.clock.now()).bound, None);
}

#[test]
fn over_it_as_many_as_it_can_work_on() {
    let bench = Bench::new();
    bench.second(10, 0.9);
    let rooms = Priority::ALL.map(|priority| bench.room(priority));
    assert_eq!(rooms, [6, 8, 10, 11, 12], "ten at a time of 100 ms each");
    let snapshot = bench.shedder.snapshot(bench.clock.now());
    assert_eq!((snapshot.cpu, snapshot.bound, snapshot.in_flight), (0.9, Some(10), 0));
}

#[test]
fn a_refusal_tells_the_load_and_when_it_may_be_over() {
    let bench = Bench::new();
    bench.second(1, 0.95);
    let held = bench.enter(Priority::Medium).expect("one");
    let refused = bench.enter(Priority::Medium).expect_err("no more");
    assert_eq!(refused.to_string(), "overloaded: cpu=0.95 bound=0.9, retry after 1 s");
    assert_eq!(refused.retry_after, Some(1000 * MILLIS));
    bench.shedder.release(held);
    let bench = Bench::new();
    bench.second(10, 0.95);
    let held: Vec<_> = (0..6).map(|_| bench.enter(Priority::Low).expect("six")).collect();
    let refused = bench.enter(Priority::VeryLow).expect_err("more important ones get in");
    assert_eq!(refused.to_string(), "overloaded: priority=6 bound=6, retry after 1 s");
    held.into_iter().for_each(|ticket| bench.shedder.release(ticket));
}

/// A process that burns its processors to no avail has no throughput and no latency.
#[test]
fn while_all_calls_fail_the_last_bound_stands() {
    let bench = Bench::new();
    bench.second(10, 1.0);
    for quarter in 0..120 {
        let tickets: Vec<_> = std::iter::from_fn(|| bench.enter(Priority::Medium).ok())
            .take(100)
            .collect();
        assert_eq!(tickets.len(), 10, "after {quarter} quarters of a second");
        bench.hand.advance(250 * MILLIS);
        for ticket in tickets {
            bench.shedder.record(ticket, Outcome::Failure, bench.clock.now());
        }
        bench.shedder.feed(1.0, bench.clock.now());
    }
}

/// When the load is gone, and when the meter is dead.
#[test]
fn one_second_after_the_last_sample_over_the_threshold_all_get_in() {
    let bench = Bench::new();
    bench.second(1, 1.0);
    bench.hand.advance(500 * MILLIS);
    bench.shedder.feed(0.1, bench.clock.now());
    assert_eq!(bench.room(Priority::Medium), 1, "it is not over yet");
    bench.hand.advance(500 * MILLIS);
    assert_eq!(bench.room(Priority::Medium), 1000);
}

#[test]
fn without_any_call_seen_nothing_is_refused() {
    let bench = Bench::new();
    bench.shedder.feed(1.0, bench.clock.now());
    assert_eq!(bench.room(Priority::Medium), 1000);
}

#[test]
fn what_is_no_load_is_passed_over_or_cut() {
    let bench = Bench::new();
    bench.second(1, 0.5);
    for (cpu, kept) in [(f64::NAN, 0.5), (-1.0, 0.0), (f64::INFINITY, 1.0)] {
        bench.shedder.feed(cpu, bench.clock.now());
        assert_eq!(bench.shedder.snapshot(bench.clock.now()).cpu, kept, "{cpu}");
    }
}

/// Quick failures would make the process look quicker than it is, and cancelled calls say nothing.
#[test]
fn only_successes_say_what_it_can_do() {
    let bench = Bench::new();
    for _ in 0..1000 {
        let (failed, cancelled) = (bench.enter(Priority::Medium), bench.enter(Priority::Medium));
        bench.hand.advance(MILLIS);
        bench
            .shedder
            .record(failed.expect("in"), Outcome::Failure, bench.clock.now());
        bench.shedder.release(cancelled.expect("in"));
    }
    bench.shedder.feed(1.0, bench.clock.now());
    assert_eq!((bench.room(Priority::Medium), bench.shedder.in_flight()), (1000, 0));
}

#[test]
fn a_clock_that_steps_back_is_harmless() {
    let (clock, hand) = Clock::manual();
    let early = clock.now();
    hand.advance(3600 * 1000 * MILLIS);
    let shedder = Shedder::new(ShedderConfig::default(), clock.now()).expect("good");
    let ticket = shedder.try_enter(Priority::Medium, clock.now()).expect("in");
    shedder.record(ticket, Outcome::Success, early);
    shedder.feed(1.0, early);
    let _ticket = shedder.try_enter(Priority::Medium, early).expect("one gets in");
    assert_eq!(shedder.in_flight(), 1);
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let base = ShedderConfig::default();
    let cpu = |cpu| ShedderConfig { cpu, ..base };
    for (field, config) in [
        ("shed.cpu", cpu(0.0)),
        ("shed.cpu", cpu(-0.1)),
        ("shed.cpu", cpu(1.01)),
        ("shed.cpu", cpu(f64::NAN)),
        (
            "shed.window",
            ShedderConfig {
                window: Duration::ZERO,
                ..base
            },
        ),
        (
            "shed.coolOff",
            ShedderConfig {
                cool_off: Duration::ZERO,
                ..base
            },
        ),
    ] {
        let error = Shedder::new(config, Clock::manual().0.now()).expect_err(field);
        assert_eq!(error.field, field, "{error}");
    }
}

#[test]
fn eight_threads_never_exceed_the_bound_and_lose_no_place() {
    let bench = Bench::new();
    bench.second(10, 1.0);
    let (barrier, most) = (Barrier::new(8), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..20_000 {
                    if let Ok(ticket) = bench.enter(Priority::Medium) {
                        most.fetch_max(bench.shedder.in_flight(), Ordering::Relaxed);
                        bench.shedder.release(ticket);
                    }
                }
            });
        }
    });
    assert!((1..=10).contains(&most.into_inner()));
    assert_eq!(bench.shedder.in_flight(), 0);
}

proptest! {
    /// Whatever comes, places are counted right, and while the load is high never more than the bound get in.
    #[test]
    fn places_are_counted_right(events in prop::collection::vec((0u8..4, 0u64..400, 0.0f64..1.2), 1..300)) {
        let bench = Bench::new();
        let mut held = Vec::new();
        for (event, millis, cpu) in events {
            let now = bench.clock.now();
            match event {
                0 => bench.shedder.feed(cpu, now),
                1 | 2 => {
                    let bound = bench.shedder.snapshot(now).bound;
                    let before = held.len();
                    held.extend(bench.enter(Priority::Medium));
                    let let_in = held.len() > before;
                    prop_assert_eq!(let_in, bound.is_none_or(|bound| before < bound as usize));
                }
                _ => {
                    bench.hand.advance(Duration::from_millis(millis));
                    if let Some(ticket) = held.pop() {
                        bench.shedder.record(ticket, Outcome::Success, bench.clock.now());
                    }
                }
            }
            prop_assert_eq!(bench.shedder.in_flight() as usize, held.len());
        }
    }
}

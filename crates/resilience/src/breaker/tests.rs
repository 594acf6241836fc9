//! The breaker by tables, against a model, and under threads.

mod field;
mod model;
mod threads;

use std::time::Duration;

use nines_base::{Clock, ManualClock};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn no_jitter() -> Config {
    Config {
        jitter: 0.0,
        ..Config::default()
    }
}

/// A breaker and the clock it lives by.
struct Bench {
    breaker: Breaker,
    clock: Clock,
    hand: ManualClock,
}

impl Bench {
    fn new(config: Config) -> Self {
        let (clock, hand) = Clock::manual();
        let breaker = Breaker::with_rng(config, clock.now(), Rng::seeded(1)).expect("a good configuration");
        Self { breaker, clock, hand }
    }

    fn check(&self) -> Result<Ticket, Refused> {
        self.breaker.check(self.clock.now())
    }

    fn take(&self) -> Ticket {
        self.check().expect("it lets the call through")
    }

    /// One call that takes no time; whether it was let through.
    fn call(&self, observed: Observed) -> bool {
        self.call_for(Duration::ZERO, observed)
    }

    fn call_for(&self, latency: Duration, observed: Observed) -> bool {
        let Ok(ticket) = self.check() else { return false };
        self.hand.advance(latency);
        self.breaker.record(ticket, observed, self.clock.now());
        true
    }

    fn calls(&self, count: u32, observed: Observed) {
        assert!((0..count).all(|_| self.call(observed)), "all are let through");
    }

    fn state(&self) -> State {
        self.breaker.state()
    }

    fn snapshot(&self) -> Snapshot {
        self.breaker.snapshot(self.clock.now())
    }

    /// How long it stays open from now on.
    fn open_for(&self) -> Duration {
        let until = self.snapshot().next_probe.expect("it is open");
        until - self.clock.now()
    }

    fn open(&self) {
        self.calls(20, Observed::FAILURE);
        assert_eq!(self.state(), State::Open);
    }

    /// Waits until it may be probed.
    fn wait(&self) {
        self.hand.advance(self.open_for());
    }
}

fn asking(outcome: Outcome, pause: Duration) -> Observed {
    Observed {
        outcome,
        retry_after: Some(pause),
        ..Observed::FAILURE
    }
}

const THROTTLED: Observed = Observed {
    outcome: Outcome::Throttled,
    ..Observed::FAILURE
};

#[test]
fn opens_at_the_threshold_and_not_before() {
    let (ok, bad) = (Observed::SUCCESS, Observed::FAILURE);
    let by_calls = Config {
        window: Window::Calls(std::num::NonZeroU32::new(20).expect("not zero")),
        ..no_jitter()
    };
    for config in [no_jitter(), by_calls] {
        for (name, calls, opens) in [
            ("too few calls", vec![(19, bad)], false),
            ("the minimum of calls", vec![(20, bad)], true),
            ("below the rate", vec![(11, ok), (9, bad)], false),
            ("at the rate", vec![(10, ok), (10, bad)], true),
            ("the minimum filled up by a success", vec![(10, bad), (10, ok)], true),
            (
                "what is ignored does not count",
                vec![(19, bad), (100, Observed::IGNORED)],
                false,
            ),
            ("who asks for less is well", vec![(30, THROTTLED)], false),
        ] {
            let bench = Bench::new(config);
            for (count, observed) in calls {
                bench.calls(count, observed);
            }
            assert_eq!(bench.state() == State::Open, opens, "{name}");
        }
    }
}

#[test]
fn old_results_count_no_more() {
    let bench = Bench::new(no_jitter());
    bench.calls(15, Observed::FAILURE);
    bench.hand.advance(10 * SECOND);
    bench.calls(19, Observed::FAILURE);
    assert_eq!(bench.state(), State::Closed);
    bench.calls(1, Observed::FAILURE);
    assert_eq!(bench.state(), State::Open);
}

/// The successes go out of the window before the failures, and the next success finds a rate over the threshold.
#[test]
fn time_alone_can_raise_a_rate() {
    let bench = Bench::new(no_jitter());
    bench.calls(30, Observed::SUCCESS);
    bench.hand.advance(5 * SECOND);
    bench.calls(20, Observed::FAILURE);
    assert_eq!(bench.state(), State::Closed, "two fifths have failed");
    bench.hand.advance(5 * SECOND);
    bench.calls(1, Observed::SUCCESS);
    assert_eq!(bench.state(), State::Open);
    let bench = Bench::new(no_jitter());
    bench.calls(30, Observed::SUCCESS);
    bench.hand.advance(5 * SECOND);
    bench.calls(15, Observed::FAILURE);
    bench.hand.advance(5 * SECOND);
    bench.calls(4, Observed::SUCCESS);
    assert_eq!(bench.state(), State::Closed, "nineteen calls");
    bench.calls(1, Observed::SUCCESS);
    assert_eq!(bench.state(), State::Open, "the minimum filled up by a success");
}

#[test]
fn slow_calls_open_it() {
    let slow_calls = Some(SlowCalls {
        slower_than: SECOND,
        rate: 0.5,
    });
    let config = Config {
        slow_calls,
        min_calls: 4,
        window: Window::Time(100 * SECOND),
        ..no_jitter()
    };
    for (latencies, opens) in [
        ([1000, 1000, 1000, 1000], false),
        ([1001, 1001, 0, 0], true),
        ([0, 0, 1001, 0], false),
    ] {
        let bench = Bench::new(config);
        for millis in latencies {
            bench.call_for(Duration::from_millis(millis), Observed::SUCCESS);
        }
        assert_eq!(bench.state() == State::Open, opens, "{latencies:?}");
    }
    let bench = Bench::new(config);
    for _ in 0..4 {
        bench.call_for(2 * SECOND, Observed::SUCCESS);
    }
    assert_eq!(
        bench.snapshot().reason.map(|found| found.measure),
        Some(Measure::SlowCallRate)
    );
    bench.wait();
    bench.call_for(2 * SECOND, Observed::SUCCESS);
    assert_eq!(bench.state(), State::Open, "a slow probe is a failed one");
}

#[test]
fn failures_in_a_row_open_it_whatever_the_minimum() {
    let config = Config {
        failure_rate: None,
        consecutive_failures: Some(5),
        ..no_jitter()
    };
    let bench = Bench::new(config);
    bench.calls(4, Observed::FAILURE);
    bench.calls(1, Observed::SUCCESS);
    bench.calls(4, Observed::FAILURE);
    assert_eq!(bench.state(), State::Closed);
    bench.calls(1, Observed::FAILURE);
    let refused = bench.check().expect_err("it is open");
    assert_eq!(
        refused.to_string(),
        "breaker_open: consecutive_failures=5 bound=5, retry after 5 s"
    );
}

#[test]
fn a_refusal_tells_what_was_compared() {
    let bench = Bench::new(no_jitter());
    bench.calls(8, Observed::SUCCESS);
    bench.calls(12, Observed::FAILURE);
    bench.hand.advance(SECOND);
    let refused = bench.check().expect_err("it is open");
    assert_eq!(
        refused.to_string(),
        "breaker_open: failure_rate=0.6 bound=0.5 calls=20, retry after 4 s"
    );
}

#[test]
fn probes_close_it() {
    let bench = Bench::new(no_jitter());
    bench.open();
    bench.hand.advance(Duration::from_millis(4999));
    assert!(bench.check().is_err());
    bench.hand.advance(Duration::from_millis(1));
    let probes: Vec<Ticket> = (0..3).map(|_| bench.take()).collect();
    assert!(probes.iter().all(Ticket::is_probe));
    let refused = bench.check().expect_err("three are out");
    assert_eq!(refused.evidence.measure, Measure::Probes);
    for (number, probe) in probes.into_iter().enumerate() {
        assert_eq!(bench.state(), State::HalfOpen, "after {number}");
        bench.breaker.record(probe, Observed::SUCCESS, bench.clock.now());
    }
    assert_eq!(bench.state(), State::Closed);
    assert_eq!(bench.snapshot().window, Counts::default(), "it begins anew");
}

#[test]
fn a_failed_probe_opens_it_for_twice_as_long() {
    let bench = Bench::new(no_jitter());
    bench.open();
    let mut times = vec![bench.open_for().as_secs()];
    for _ in 0..5 {
        bench.wait();
        assert!(bench.call(Observed::FAILURE));
        times.push(bench.open_for().as_secs());
    }
    assert_eq!(times, [5, 10, 20, 40, 60, 60]);
    bench.wait();
    bench.calls(3, Observed::SUCCESS);
    bench.hand.advance(59 * SECOND);
    bench.open();
    assert_eq!(bench.open_for().as_secs(), 60, "it was well for too short a time");
    bench.wait();
    bench.calls(3, Observed::SUCCESS);
    bench.hand.advance(60 * SECOND);
    bench.open();
    assert_eq!(bench.open_for().as_secs(), 5, "it has been well");
}

#[test]
fn jitter_shortens_the_open_time() {
    let mut times = Vec::new();
    for seed in 0..100 {
        let (clock, _hand) = Clock::manual();
        let breaker = Breaker::with_rng(Config::default(), clock.now(), Rng::seeded(seed)).expect("good");
        for _ in 0..20 {
            let ticket = breaker.check(clock.now()).expect("closed");
            breaker.record(ticket, Observed::FAILURE, clock.now());
        }
        let until = breaker.snapshot(clock.now()).next_probe.expect("open");
        times.push((until - clock.now()).as_secs_f64());
    }
    assert!(times.iter().all(|time| (4.0..=5.0).contains(time)), "{times:?}");
    times.sort_by(f64::total_cmp);
    assert!(times[0] < 4.1 && times[99] > 4.9, "{} {}", times[0], times[99]);
}

#[test]
fn a_probe_that_is_given_back_frees_its_slot() {
    let bench = Bench::new(Config {
        half_open_calls: 1,
        ..no_jitter()
    });
    bench.open();
    bench.wait();
    for give_back in [
        |bench: &Bench, probe| bench.breaker.release(probe),
        |bench: &Bench, probe| bench.breaker.record(probe, Observed::IGNORED, bench.clock.now()),
    ] {
        let probe = bench.take();
        assert!(bench.check().is_err());
        give_back(&bench, probe);
    }
    assert!(bench.call(Observed::SUCCESS));
    assert_eq!(bench.state(), State::Closed);
}

#[test]
fn lost_probes_do_not_hold_it_for_ever() {
    let bench = Bench::new(no_jitter());
    bench.open();
    bench.wait();
    let lost: Vec<Ticket> = (0..3).map(|_| bench.take()).collect();
    bench.hand.advance(599 * SECOND);
    assert!(bench.check().is_err());
    bench.hand.advance(SECOND);
    bench.calls(3, Observed::SUCCESS);
    assert_eq!(bench.state(), State::Closed);
    for ticket in lost {
        bench.breaker.release(ticket);
    }
    assert_eq!(bench.snapshot().probes, 0);
}

/// A probe is not lost because it takes longer than a breaker stays open.
#[test]
fn slow_probes_decide() {
    let bench = Bench::new(Config {
        open_for: SECOND,
        max_open_for: SECOND,
        ..no_jitter()
    });
    bench.open();
    bench.wait();
    let probes: Vec<Ticket> = (0..3).map(|_| bench.take()).collect();
    bench.hand.advance(90 * SECOND);
    assert!(bench.check().is_err(), "all probes are under way");
    for probe in probes {
        bench.breaker.record(probe, Observed::SUCCESS, bench.clock.now());
    }
    assert_eq!(bench.state(), State::Closed);
}

/// What does not open a breaker does not keep it open.
#[test]
fn a_probe_fails_by_what_the_breaker_looks_at() {
    let slow_calls = Some(SlowCalls {
        slower_than: SECOND,
        rate: 0.5,
    });
    let failures = Some(5);
    for (consecutive_failures, expected) in [(None, State::Closed), (failures, State::Open)] {
        let bench = Bench::new(Config {
            failure_rate: None,
            slow_calls,
            consecutive_failures,
            min_calls: 1,
            ..no_jitter()
        });
        let slow = bench.take();
        bench.hand.advance(2 * SECOND);
        bench.breaker.record(slow, Observed::SUCCESS, bench.clock.now());
        assert_eq!(bench.state(), State::Open);
        bench.wait();
        for _ in 0..3 {
            bench.call(Observed::FAILURE);
        }
        assert_eq!(bench.state(), expected, "{consecutive_failures:?}");
        if let Err(refused) = bench.check() {
            assert_eq!(
                refused.to_string(),
                "breaker_open: failure_rate=1 bound=1 calls=1, retry after 10 s"
            );
        }
    }
}

#[test]
fn a_call_that_is_given_up_is_slow_or_says_nothing() {
    let bench = Bench::new(Config {
        failure_rate: None,
        slow_calls: Some(SlowCalls {
            slower_than: SECOND,
            rate: 1.0,
        }),
        min_calls: 2,
        ..no_jitter()
    });
    let lost = |after: Duration| {
        let ticket = bench.take();
        bench.hand.advance(after);
        bench.breaker.lose(ticket, bench.clock.now());
    };
    (0..10).for_each(|_| lost(SECOND));
    assert_eq!(bench.snapshot().window, Counts::default());
    (0..2).for_each(|_| lost(2 * SECOND));
    assert_eq!(bench.state(), State::Open);
    bench.wait();
    lost(Duration::ZERO);
    assert_eq!(bench.snapshot().probes, 0, "a probe gives its place back");
}

#[test]
fn results_from_before_a_change_are_ignored() {
    let bench = Bench::new(no_jitter());
    let late: Vec<Ticket> = (0..40).map(|_| bench.take()).collect();
    bench.open();
    let mut late = late.into_iter();
    for ticket in late.by_ref().take(20) {
        bench.breaker.record(ticket, Observed::SUCCESS, bench.clock.now());
    }
    assert_eq!(bench.state(), State::Open);
    bench.wait();
    bench.calls(3, Observed::SUCCESS);
    for ticket in late {
        bench.breaker.record(ticket, Observed::FAILURE, bench.clock.now());
    }
    assert_eq!(bench.state(), State::Closed);
    assert_eq!(bench.snapshot().window, Counts::default());
}

#[test]
fn the_callee_may_ask_for_a_pause() {
    let open_on_retry_after = Config {
        open_on_retry_after: true,
        ..no_jitter()
    };
    for (name, config, pause, expected) in [
        ("longer than the open time", no_jitter(), 30, 30),
        ("shorter", no_jitter(), 1, 5),
        ("longer than the longest", no_jitter(), 3600, 60),
    ] {
        let bench = Bench::new(config);
        bench.calls(20, asking(Outcome::Failure, pause * SECOND));
        assert_eq!(bench.open_for(), expected * SECOND, "{name}");
    }
    let bench = Bench::new(open_on_retry_after);
    bench.calls(1, asking(Outcome::Throttled, 30 * SECOND));
    let refused = bench.check().expect_err("it asked");
    assert_eq!(
        refused.to_string(),
        "breaker_open: asked_pause=30 bound=0, retry after 30 s"
    );
    bench.wait();
    bench.calls(1, asking(Outcome::Throttled, 40 * SECOND));
    assert_eq!(bench.open_for(), 40 * SECOND, "a probe was asked for a pause");
    for _ in 0..5 {
        bench.wait();
        bench.calls(1, asking(Outcome::Throttled, SECOND));
        assert_eq!(bench.open_for(), SECOND, "for that long, however often");
    }
    let bench = Bench::new(open_on_retry_after);
    bench.calls(10, asking(Outcome::Throttled, Duration::ZERO));
    assert_eq!(bench.state(), State::Closed, "no pause at all");
    let bench = Bench::new(no_jitter());
    bench.calls(30, asking(Outcome::Throttled, 30 * SECOND));
    assert_eq!(bench.state(), State::Closed, "only if that is wanted");
}

#[test]
fn an_operator_has_the_last_word() {
    let bench = Bench::new(no_jitter());
    let set = |mode| bench.breaker.set_mode(mode, bench.clock.now());
    set(Mode::ForcedOpen);
    let refused = bench.check().expect_err("forced open");
    assert_eq!(
        (refused.evidence.measure, refused.retry_after),
        (Measure::ForcedOpen, None)
    );
    assert_eq!(bench.state(), State::ForcedOpen);
    set(Mode::Disabled);
    bench.calls(100, Observed::FAILURE);
    assert_eq!((bench.state(), bench.snapshot().window.calls), (State::Disabled, 0));
    set(Mode::MetricsOnly);
    bench.calls(100, Observed::FAILURE);
    assert_eq!(
        (bench.state(), bench.snapshot().window.failures),
        (State::MetricsOnly, 100)
    );
    set(Mode::Automatic);
    assert_eq!((bench.state(), bench.snapshot().window.calls), (State::Closed, 0));
    bench.open();
    set(Mode::Automatic);
    assert_eq!(bench.state(), State::Open, "no change, nothing happens");
}

#[test]
fn a_clock_that_steps_back_harms_nothing() {
    let (clock, hand) = Clock::manual();
    let early = clock.now();
    hand.advance(100 * SECOND);
    let breaker = Breaker::new(no_jitter(), clock.now()).expect("good");
    for _ in 0..20 {
        let ticket = breaker.check(clock.now()).expect("closed");
        breaker.record(ticket, Observed::FAILURE, early);
    }
    assert_eq!(breaker.state(), State::Open);
    assert!(breaker.check(early).is_err());
    let probe = breaker.check(clock.now() + 5 * SECOND).expect("the time is over");
    breaker.record(probe, Observed::FAILURE, early);
    assert_eq!(breaker.state(), State::Open);
}

/// The marks of a window's counts go round; after thousands of failed probes all of them looked newer than what came then.
#[test]
fn after_a_long_outage_it_opens_as_before() {
    for probes in [0, 1100, 2100] {
        let minute = Duration::from_secs(60);
        let bench = Bench::new(Config {
            open_for: minute,
            max_open_for: minute,
            ..no_jitter()
        });
        bench.open();
        for _ in 0..probes {
            bench.hand.advance(minute);
            assert!(bench.call(Observed::FAILURE), "a probe");
        }
        bench.hand.advance(minute);
        (0..3).for_each(|_| assert!(bench.call(Observed::SUCCESS)));
        assert_eq!(bench.state(), State::Closed);
        bench.open();
        assert_eq!(bench.state(), State::Open, "{probes} failed probes before");
    }
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let calls = |n| Window::Calls(std::num::NonZeroU32::new(n).expect("not zero"));
    let slow = |millis, rate| {
        Some(SlowCalls {
            slower_than: Duration::from_millis(millis),
            rate,
        })
    };
    type Spoil = Box<dyn Fn(&mut Config)>;
    let cases: Vec<(&str, Spoil)> = vec![
        ("breaker.window", Box::new(|c| c.window = Window::Time(Duration::ZERO))),
        (
            "breaker.window",
            Box::new(|c| c.window = Window::Time(Duration::from_nanos(1))),
        ),
        (
            "breaker.window",
            Box::new(|c| c.window = Window::Time(Duration::from_nanos(99_999_999))),
        ),
        ("breaker.window", Box::new(|c| c.window = Window::Time(7200 * SECOND))),
        ("breaker.windowCalls", Box::new(move |c| c.window = calls(100_001))),
        ("breaker.minCalls", Box::new(|c| c.min_calls = 0)),
        (
            "breaker.minCalls",
            Box::new(move |c| (c.window, c.min_calls) = (calls(10), 11)),
        ),
        ("breaker.failureRate", Box::new(|c| c.failure_rate = Some(0.0))),
        ("breaker.failureRate", Box::new(|c| c.failure_rate = Some(-0.5))),
        ("breaker.failureRate", Box::new(|c| c.failure_rate = Some(1.1))),
        ("breaker.failureRate", Box::new(|c| c.failure_rate = Some(f64::NAN))),
        (
            "breaker.slowCalls.rate",
            Box::new(move |c| c.slow_calls = slow(1, f64::INFINITY)),
        ),
        (
            "breaker.slowCalls.slowerThan",
            Box::new(move |c| c.slow_calls = slow(0, 0.5)),
        ),
        (
            "breaker.consecutiveFailures",
            Box::new(|c| c.consecutive_failures = Some(0)),
        ),
        ("breaker", Box::new(|c| c.failure_rate = None)),
        ("breaker.openFor", Box::new(|c| c.open_for = Duration::ZERO)),
        ("breaker.maxOpenFor", Box::new(|c| c.max_open_for = SECOND)),
        ("breaker.jitter", Box::new(|c| c.jitter = 1.0)),
        ("breaker.jitter", Box::new(|c| c.jitter = f64::NAN)),
        ("breaker.halfOpenCalls", Box::new(|c| c.half_open_calls = 0)),
        ("breaker.healthyAfter", Box::new(|c| c.healthy_after = 90_000 * SECOND)),
    ];
    for (field, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let error = Breaker::new(config, Clock::manual().0.now()).expect_err(field);
        assert_eq!(error.field, field, "{error}");
    }
}

//! The limiter by tables, in simulations, and under threads.

mod healthy;
mod server;
mod simulation;

use nines_base::{Clock, ManualClock};

use super::*;
use crate::adaptive::Algorithm;

fn limiter(config: Config, now: Instant) -> Limiter {
    Limiter::with_rng(config, now, Rng::seeded(3)).expect("a good configuration")
}

fn enter(limiter: &Limiter, priority: Priority, clock: &Clock) -> Result<Ticket, Refused> {
    limiter.try_enter(priority, clock.now())
}

#[test]
fn refuses_beyond_the_limit_and_tells_why() {
    let (clock, _hand) = Clock::manual();
    let config = Config {
        initial: 5,
        ..Config::default()
    };
    let limiter = limiter(config, clock.now());
    let tickets: Vec<Ticket> = (0..5)
        .map(|_| enter(&limiter, Priority::Medium, &clock).expect("within the limit"))
        .collect();
    let refused = enter(&limiter, Priority::Medium, &clock).expect_err("beyond it");
    assert_eq!(refused.to_string(), "overloaded: in_flight=5 bound=5");
    let refused = enter(&limiter, Priority::Low, &clock).expect_err("beyond its share");
    assert_eq!(refused.to_string(), "overloaded: priority=5 bound=4");
    let important = enter(&limiter, Priority::High, &clock).expect("a little over it");
    limiter.release(important);
    for ticket in tickets {
        limiter.record(ticket, Outcome::Success, clock.now());
    }
    assert_eq!(limiter.in_flight(), 0);
}

/// Runs one window of calls, all with this latency and outcome.
fn window(limiter: &Limiter, clock: &Clock, hand: &ManualClock, calls: u32, latency: Duration, outcome: Outcome) {
    for _ in 0..calls {
        let ticket = enter(limiter, Priority::Medium, clock).expect("within the limit");
        hand.advance(latency);
        limiter.record(ticket, outcome, clock.now());
    }
}

/// Cancelled calls were taken for drops, and the limit fell (Netflix concurrency-limits#146).
#[test]
fn netflix_146_cancelled_calls_say_nothing() {
    let (clock, hand) = Clock::manual();
    let limiter = limiter(Config::default(), clock.now());
    for _ in 0..10_000 {
        let ticket = enter(&limiter, Priority::Medium, &clock).expect("within the limit");
        hand.advance(Duration::from_millis(10));
        limiter.release(ticket);
    }
    assert_eq!((limiter.limit(), limiter.in_flight()), (20, 0));
    assert_eq!(limiter.snapshot().baseline, None);
}

#[test]
fn quick_failures_say_nothing_and_slow_ones_do() {
    let (clock, hand) = Clock::manual();
    let limiter = limiter(Config::default(), clock.now());
    let millis = Duration::from_millis;
    window(&limiter, &clock, &hand, 60, millis(20), Outcome::Success);
    let before = limiter.snapshot().latency;
    window(&limiter, &clock, &hand, 60, millis(5), Outcome::Failure);
    hand.advance(Duration::from_secs(31));
    window(&limiter, &clock, &hand, 60, millis(20), Outcome::Success);
    assert_eq!(limiter.snapshot().latency, before, "the quick failures left no trace");
    window(&limiter, &clock, &hand, 60, millis(500), Outcome::Failure);
    assert!(
        limiter.snapshot().latency >= Some(millis(300)),
        "{:?}",
        limiter.snapshot()
    );
}

/// A limit that two threads wrote lost one's update and left its bounds, and equal bounds panicked
/// (tower-resilience#368).
#[test]
fn tower_resilience_368_the_limit_keeps_its_bounds() {
    for algorithm in [Algorithm::Adaptive, Algorithm::Vegas, Algorithm::Gradient] {
        for (min, max) in [(1, 1), (7, 7), (2, 9)] {
            let (clock, hand) = Clock::manual();
            let config = Config {
                algorithm,
                min,
                max,
                initial: min,
                ..Config::default()
            };
            let limiter = limiter(config, clock.now());
            for latency in [1, 1, 500, 1, 0, 3000, 1].map(Duration::from_millis) {
                window(&limiter, &clock, &hand, 60, latency, Outcome::Success);
                hand.advance(Duration::from_secs(31));
                assert!((min..=max).contains(&limiter.limit()), "{algorithm:?} {min}..={max}");
            }
        }
    }
}

#[test]
fn a_clock_that_steps_back_harms_nothing() {
    let (clock, hand) = Clock::manual();
    let early = clock.now();
    hand.advance(Duration::from_secs(100));
    let limiter = limiter(Config::default(), clock.now());
    for _ in 0..200 {
        let ticket = enter(&limiter, Priority::Medium, &clock).expect("within the limit");
        limiter.record(ticket, Outcome::Success, early);
    }
    assert_eq!(limiter.in_flight(), 0);
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let base = Config::default();
    for (field, config) in [
        ("concurrency.min", Config { min: 0, ..base }),
        (
            "concurrency.max",
            Config {
                min: 10,
                max: 9,
                ..base
            },
        ),
        ("concurrency.max", Config { max: 1_000_001, ..base }),
        ("concurrency.initial", Config { initial: 0, ..base }),
        ("concurrency.initial", Config { initial: 201, ..base }),
        (
            "concurrency.minWindow",
            Config {
                min_window: Duration::ZERO,
                ..base
            },
        ),
        (
            "concurrency.maxWindow",
            Config {
                max_window: Duration::ZERO,
                ..base
            },
        ),
        ("concurrency.minSamples", Config { min_samples: 0, ..base }),
    ] {
        let error = Limiter::new(config, Clock::manual().0.now()).expect_err(field);
        assert_eq!(error.field, field, "{error}");
    }
}

#[test]
fn threads_leave_nobody_in_flight() {
    let (clock, hand) = Clock::manual();
    let config = Config {
        initial: 3,
        max: 3,
        ..Config::default()
    };
    let limiter = limiter(config, clock.now());
    let most = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8u32 {
            let (limiter, clock, hand, most) = (&limiter, &clock, &hand, &most);
            scope.spawn(move || {
                for number in 0..3000 {
                    hand.advance(Duration::from_micros(100));
                    let Ok(ticket) = enter(limiter, Priority::Medium, clock) else {
                        continue;
                    };
                    most.fetch_max(limiter.in_flight(), Ordering::SeqCst);
                    match (number + thread) % 3 {
                        0 => limiter.release(ticket),
                        _ => limiter.record(ticket, Outcome::Success, clock.now()),
                    }
                }
            });
        }
    });
    assert_eq!(limiter.in_flight(), 0);
    assert!(most.into_inner() <= 3);
}

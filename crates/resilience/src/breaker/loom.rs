//! Every interleaving of two or three threads.

use std::sync::Arc;
use std::time::Duration;

use ::loom::thread;
use nines_base::Clock;

use super::*;

fn config() -> Config {
    Config {
        min_calls: 2,
        half_open_calls: 1,
        jitter: 0.0,
        ..Config::default()
    }
}

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(check);
}

fn tripped(breaker: &Breaker, now: Instant) {
    for _ in 0..2 {
        let ticket = breaker.check(now).expect("closed");
        breaker.record(ticket, Observed::FAILURE, now);
    }
    assert_eq!(breaker.state(), State::Open);
}

/// Two threads ask when one probe is free: one gets it, and a third asks in vain until it is given back.
#[test]
fn one_slot_goes_to_one_thread() {
    let start = Clock::system().now();
    model(move || {
        let breaker = Arc::new(Breaker::with_rng(config(), start, Rng::seeded(1)).expect("good"));
        tripped(&breaker, start);
        let later = start + Duration::from_secs(5);
        let ask = |breaker: Arc<Breaker>| move || breaker.check(later).ok();
        let other = thread::spawn(ask(breaker.clone()));
        let mine = ask(breaker.clone())();
        let theirs = other.join().expect("no panic");
        let tickets: Vec<Ticket> = mine.into_iter().chain(theirs).collect();
        assert!(tickets.len() <= 1, "two probes");
        for ticket in tickets {
            assert!(ticket.is_probe());
            breaker.release(ticket);
        }
        let ticket = breaker.check(later).expect("the slot is free");
        breaker.record(ticket, Observed::SUCCESS, later);
        assert_eq!(breaker.state(), State::Closed);
    });
}

/// The failures of two threads fill up the minimum together: whoever is last sees both.
#[test]
fn failures_that_come_together_open_it() {
    let start = Clock::system().now();
    model(move || {
        let breaker = Arc::new(Breaker::with_rng(config(), start, Rng::seeded(1)).expect("good"));
        let fail = |breaker: Arc<Breaker>| {
            move || {
                let Ok(ticket) = breaker.check(start) else { return };
                breaker.record(ticket, Observed::FAILURE, start);
            }
        };
        let other = thread::spawn(fail(breaker.clone()));
        fail(breaker.clone())();
        other.join().expect("no panic");
        assert_eq!(
            breaker.snapshot(start).window.failures,
            if breaker.state() == State::Open { 0 } else { 2 }
        );
        assert_eq!(breaker.state(), State::Open, "both have failed");
    });
}

/// A result that was under way when the breaker opened and closed again leaves no trace, however late it comes.
#[test]
fn a_late_result_says_nothing() {
    let start = Clock::system().now();
    model(move || {
        let breaker = Arc::new(Breaker::with_rng(config(), start, Rng::seeded(1)).expect("good"));
        let late = breaker.check(start).expect("closed");
        let other = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.record(late, Observed::FAILURE, start))
        };
        breaker.set_mode(Mode::Disabled, start);
        breaker.set_mode(Mode::Automatic, start);
        other.join().expect("no panic");
        assert_eq!(breaker.snapshot(start).window, Counts::default());
    });
}

/// A probe is given back while another thread asks: never two at a time, never none for ever.
#[test]
fn a_probe_given_back_is_not_lost() {
    let start = Clock::system().now();
    model(move || {
        let breaker = Arc::new(Breaker::with_rng(config(), start, Rng::seeded(1)).expect("good"));
        tripped(&breaker, start);
        let later = start + Duration::from_secs(5);
        let probe = breaker.check(later).expect("the first probe");
        let other = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.check(later).ok())
        };
        breaker.release(probe);
        if let Some(ticket) = other.join().expect("no panic") {
            assert!(breaker.check(later).is_err());
            breaker.release(ticket);
        }
        assert!(breaker.check(later).is_ok());
    });
}

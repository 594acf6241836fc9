//! Every interleaving of two threads.

use ::loom::sync::Arc;
use ::loom::thread;
use nines_base::Clock;

use super::*;

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(check);
}

fn throttle(start: Instant, min_calls: u32) -> Arc<Throttle> {
    let config = Config {
        min_calls,
        ..Config::default()
    };
    Arc::new(Throttle::new(config, start).expect("a good configuration"))
}

/// Of two requests that would be refused one is forced through, and never both.
#[test]
fn one_request_is_forced_through() {
    let start = Clock::manual().0.now();
    let now = start + Duration::from_secs(1);
    model(move || {
        let throttle = throttle(start, 1);
        throttle.record(Outcome::Failure, now);
        let other = throttle.clone();
        let theirs = thread::spawn(move || other.check(now, 0.0).is_ok());
        let mine = throttle.check(now, 0.0).is_ok();
        let theirs = theirs.join().expect("no panic");
        assert!(mine ^ theirs, "exactly one of both");
        assert_eq!(throttle.snapshot(now).requests, 2, "the refused one counts");
    });
}

/// Two failures together fill up the minimum: whatever each has seen, the next check finds both.
#[test]
fn failures_that_come_together_are_both_known() {
    let start = Clock::manual().0.now();
    model(move || {
        let throttle = throttle(start, 2);
        let other = throttle.clone();
        let theirs = thread::spawn(move || other.record(Outcome::Failure, start));
        throttle.record(Outcome::Failure, start);
        theirs.join().expect("no panic");
        assert!(throttle.check(start, 0.0).is_err());
    });
}

//! Every interleaving of two or three threads.

use ::loom::sync::Arc;
use ::loom::thread;
use nines_base::Clock;

use super::*;

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(check);
}

fn throttle(now: Instant, min_calls: u32) -> Arc<Throttle> {
    let config = Config {
        min_calls,
        ..Config::default()
    };
    Arc::new(Throttle::new(config, now).expect("a good configuration"))
}

/// Of two calls that would be refused one is forced through, and never both.
#[test]
fn one_call_is_forced_through() {
    let now = Clock::manual().0.now();
    model(move || {
        let throttle = throttle(now, 1);
        throttle.record(Outcome::Failure, now);
        throttle.refresh(throttle.origin.nanos(now));
        let other = throttle.clone();
        let theirs = thread::spawn(move || other.check(now, 0.0).is_ok());
        let mine = throttle.check(now, 0.0).is_ok();
        let theirs = theirs.join().expect("no panic");
        assert!(mine ^ theirs, "exactly one of both");
    });
}

/// A record that comes while another thread computes the probability is in it at the next check, or once it is too old.
#[test]
fn no_result_is_lost() {
    let now = Clock::manual().0.now();
    model(move || {
        let throttle = throttle(now, 2);
        let (one, two) = (throttle.clone(), throttle.clone());
        let checked = thread::spawn(move || one.check(now, 0.0).is_ok());
        let recorded = thread::spawn(move || two.record(Outcome::Failure, now));
        throttle.record(Outcome::Failure, now);
        recorded.join().expect("no panic");
        checked.join().expect("no panic");
        let later = now + MOST_AGE;
        throttle.refresh(throttle.origin.nanos(later));
        assert_eq!(throttle.odds.counts().0, 2, "both are known");
        assert!(throttle.odds.probability() > 0.5);
    });
}

//! Every interleaving of two threads.

use std::sync::Arc;

use ::loom::thread;
use nines_base::Clock;

use super::*;

fn limiter(now: Instant) -> Arc<Limiter> {
    let config = Config {
        initial: 1,
        min_samples: 1,
        ..Config::default()
    };
    Arc::new(Limiter::with_rng(config, now, Rng::seeded(1)).expect("good"))
}

/// Two threads and one place.
#[test]
fn one_place_goes_to_one_thread() {
    let now = Clock::system().now();
    ::loom::model(move || {
        let limiter = limiter(now);
        let enter = |limiter: Arc<Limiter>| move || limiter.try_enter(Priority::Medium, now).ok();
        let other = thread::spawn(enter(limiter.clone()));
        let mine = enter(limiter.clone())();
        let theirs = other.join().expect("no panic");
        assert!(mine.is_some() != theirs.is_some(), "one of the two");
        for ticket in mine.into_iter().chain(theirs) {
            limiter.release(ticket);
        }
        assert_eq!(limiter.in_flight(), 0);
    });
}

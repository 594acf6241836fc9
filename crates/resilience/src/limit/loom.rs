//! Every interleaving of two threads.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use ::loom::thread;
use nines_base::Clock;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn quota(algorithm: Algorithm, requests: u32) -> Quota {
    let requests = NonZeroU32::new(requests).expect("not zero");
    Quota {
        algorithm,
        ..Quota::per_second(requests)
    }
}

/// Two threads and one more than there is.
#[test]
fn the_last_one_goes_to_one_thread() {
    let now = Clock::system().now();
    for algorithm in [
        Algorithm::TokenBucket,
        Algorithm::FixedWindow,
        Algorithm::SlidingWindow,
        Algorithm::SlidingLog,
    ] {
        ::loom::model(move || {
            let limiter = Arc::new(Limiter::new(quota(algorithm, 2), now).expect("good"));
            let take = |limiter: Arc<Limiter>| {
                move || {
                    let taken = [(); 2].map(|()| limiter.check(now).is_ok());
                    taken.into_iter().filter(|taken| *taken).count()
                }
            };
            let other = thread::spawn(take(limiter.clone()));
            let mine = take(limiter)();
            assert_eq!(mine + other.join().expect("no panic"), 2, "{algorithm:?}");
        });
    }
}

/// A log of one: the slot is taken again only when its request is a period old.
#[test]
fn a_log_of_one_lets_one_through_in_a_period() {
    let now = Clock::system().now();
    ::loom::model(move || {
        let limiter = Arc::new(Limiter::new(quota(Algorithm::SlidingLog, 1), now).expect("good"));
        limiter.check(now).expect("the first");
        let take = |limiter: Arc<Limiter>| move || limiter.check(now + SECOND).is_ok();
        let other = thread::spawn(take(limiter.clone()));
        let mine = take(limiter)();
        assert!(mine != other.join().expect("no panic"), "one of the two");
    });
}

/// A log that grows while a request comes: none is forgotten, and none comes twice.
#[test]
fn a_log_that_grows_forgets_nothing() {
    let one = Terms::new(&quota(Algorithm::SlidingLog, 1));
    let two = quota(Algorithm::SlidingLog, 2);
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let log = Arc::new(Log::new(NonZeroU32::MIN));
        let other = {
            let log = log.clone();
            thread::spawn(move || log.check(1, 1, &one).is_ok())
        };
        log.make_room(two.requests);
        let theirs = other.join().expect("no panic");
        let taken = [(); 2].map(|()| log.check(1, 1, &Terms::new(&two)).is_ok());
        assert!(theirs && taken == [true, false], "{theirs} {taken:?}");
    });
}

/// Two quotas set at once: one of them is in force, whole.
#[test]
fn quotas_do_not_mix() {
    let now = Clock::system().now();
    model(move || {
        let limiter = Arc::new(Limiter::new(quota(Algorithm::TokenBucket, 1), now).expect("good"));
        let set = |limiter: Arc<Limiter>, requests| {
            move || {
                limiter
                    .set_quota(quota(Algorithm::TokenBucket, requests), now)
                    .expect("good")
            }
        };
        let other = thread::spawn(set(limiter.clone(), 2));
        set(limiter.clone(), 3)();
        other.join().expect("no panic");
        let either = [2, 3].map(|requests| Terms::new(&quota(Algorithm::TokenBucket, requests)));
        assert!(either.contains(&limiter.shared.terms(0)));
    });
}

fn keyed(now: Instant) -> Arc<Keyed> {
    let keyed = Keyed::new(quota(Algorithm::TokenBucket, 1), NonZeroUsize::MIN, now);
    Arc::new(keyed.expect("good"))
}

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(check);
}

/// Two threads bring in the same new key: it has one slot and one quota.
#[test]
fn a_new_key_gets_one_slot() {
    let now = Clock::system().now();
    model(move || {
        let keyed = keyed(now);
        let take = |keyed: Arc<Keyed>| move || keyed.check(7, now).is_ok();
        let other = thread::spawn(take(keyed.clone()));
        let mine = take(keyed.clone())();
        assert!(mine != other.join().expect("no panic"), "one of the two");
        assert_eq!(keyed.keys().len, 1);
    });
}

/// A table whose two keys, 10 and 11, are idle by now, and another that takes a slot of theirs.
fn taken_from_the_idle(now: Instant) -> (Arc<Keyed>, Instant, thread::JoinHandle<bool>) {
    let keyed = keyed(now);
    for key in 10..12 {
        keyed.check(key, now).expect("new");
    }
    let later = now + SECOND * 2;
    let taking = keyed.clone();
    let other = thread::spawn(move || taking.check(99, later).is_ok());
    (keyed, later, other)
}

/// A slot changes hands while the key that was idle in it comes back: neither is charged for the other, and neither is
/// granted twice.
#[test]
fn a_slot_changes_hands_whole() {
    let now = Clock::system().now();
    model(move || {
        let (keyed, later, other) = taken_from_the_idle(now);
        let mine = keyed.check(10, later).is_ok();
        assert!(
            mine && other.join().expect("no panic"),
            "both have not been seen for long"
        );
        assert!(
            keyed.check(99, later).is_err() && keyed.check(10, later).is_err(),
            "once each"
        );
    });
}

/// A slot is nearly taken from the key that comes back just then, and stays with it: meanwhile that key is not taken for
/// one that is not there.
#[test]
fn a_key_that_keeps_its_slot_gets_no_other() {
    let now = Clock::system().now();
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let (keyed, later, other) = taken_from_the_idle(now);
        let mine = [(); 2].map(|()| keyed.check(10, later).is_ok());
        other.join().expect("no panic");
        assert_eq!(mine, [true, false], "one quota");
    });
}

//! Ejections while the set is exchanged.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::*;

fn away(set: &EndpointSet) -> usize {
    set.slots().iter().filter(|slot| slot.endpoint.is_ejected()).count()
}

/// Five of ten endpoints are ejected.
fn half_away() -> Bench {
    let mut bench = Bench::new(10, Algorithm::RoundRobin, Config::default());
    bench.run(100, |port| if port < 5 { Outcome::Unavailable } else { quick() });
    assert_eq!(away(&bench.set), 5);
    bench
}

#[test]
fn a_pick_by_the_old_set_does_not_keep_the_new_one_from_taking_its_endpoints_back() {
    let mut bench = half_away();
    let new = bench.set.update(members(6), bench.clock.now());
    assert!(bench.set.review(bench.clock.now()).is_empty());
    bench.set = new;
    bench.run(1, |_| quick());
    assert_eq!(away(&bench.set), 3, "half of six");
}

#[test]
fn threads_that_pick_while_the_set_is_exchanged_leave_half_of_the_new_one() {
    for _ in 0..100 {
        let bench = half_away();
        let now = bench.clock.now();
        let current = Mutex::new(Arc::new(bench.set));
        let ends = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !ends.load(Ordering::Relaxed) {
                        let set = current.lock().clone();
                        set.review(now);
                    }
                });
            }
            let old = current.lock().clone();
            let new = Arc::new(old.update(members(6), now));
            thread::yield_now();
            *current.lock() = new;
            ends.store(true, Ordering::Relaxed);
        });
        let set = current.into_inner();
        set.review(now);
        assert_eq!(away(&set), 3);
    }
}

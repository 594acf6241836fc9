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
fn who_leaves_and_comes_back_is_still_out_for_the_rest_of_its_time() {
    let mut bench = Bench::new(4, Algorithm::RoundRobin, Config::default());
    bench.run(30, one_bad(0, Outcome::Unavailable));
    assert_eq!(bench.ejected(), ["e0"]);
    let (_, left) = bench.set.slots()[0].endpoint.ejection(bench.clock.now()).expect("out");
    bench.set = bench.set.update(members(4).split_off(1), bench.clock.now());
    bench.run(30, |_| quick());
    bench.set = bench.set.update(members(4), bench.clock.now());
    assert_eq!(bench.run(30, |_| quick()).get(&0), None);
    bench.hand.advance(left);
    assert!(bench.run(30, |_| quick()).contains_key(&0), "it is back after its time");
    bench.run(30, one_bad(0, Outcome::Unavailable));
    let (_, left) = bench.set.slots()[0].endpoint.ejection(bench.clock.now()).expect("out");
    assert!(left > Duration::from_secs(59), "{left:?}: its second time");
}

#[test]
fn who_comes_back_elsewhere_or_late_begins_anew() {
    let away_for = |time: Duration, port: u16| {
        let mut bench = Bench::new(4, Algorithm::RoundRobin, Config::default());
        bench.run(30, one_bad(0, Outcome::Unavailable));
        bench.set = bench.set.update(members(4).split_off(1), bench.clock.now());
        bench.hand.advance(time);
        let mut back = members(4);
        back[0].address.set_port(port);
        bench.set = bench.set.update(back, bench.clock.now());
        bench.set.slots()[0].endpoint.is_ejected()
    };
    assert!(away_for(Duration::from_secs(20), 0));
    assert!(!away_for(Duration::from_secs(20), 77));
    assert!(!away_for(Config::default().max_ejection, 0));
}

#[test]
fn of_those_that_left_only_so_many_are_remembered() {
    let mut bench = Bench::new(600, Algorithm::RoundRobin, Config::default());
    bench.run(600 * 6, |_| Outcome::Unavailable);
    assert_eq!(away(&bench.set), 300);
    bench.set = bench.set.update(Vec::new(), bench.clock.now());
    bench.set = bench.set.update(members(600), bench.clock.now());
    assert_eq!(away(&bench.set), 256);
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

//! Eight threads on one limit and one clock: whatever the interleaving, no period has more than its bound.

use std::sync::Barrier;

use super::bounds::check_bounds;
use super::*;

#[test]
fn no_algorithm_grants_more_than_its_bound() {
    for algorithm in ALL {
        for burst in [1, 8] {
            let quota = quota(algorithm, 50, burst);
            check_bounds(&quota, grants(&quota));
        }
    }
}

/// When requests were granted, in nanoseconds: by the time that the thread had read before it asked.
fn grants(quota: &Quota) -> Vec<u64> {
    let bench = Bench::new(*quota);
    let start = bench.clock.now();
    let barrier = Barrier::new(8);
    let run = || {
        let mut times = Vec::new();
        barrier.wait();
        for number in 0..2000 {
            if number % 8 == 0 {
                bench.hand.advance(Duration::from_micros(137));
            }
            let now = bench.clock.now();
            if bench.limiter.check(now).is_ok() {
                times.push((now - start).as_nanos() as u64);
            }
        }
        times
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect()
    })
}

/// At one moment, exactly what there is.
#[test]
fn nothing_is_granted_twice_and_nothing_is_lost() {
    for algorithm in ALL {
        let bench = Bench::new(quota(algorithm, 1000, 1000));
        let barrier = Barrier::new(8);
        let run = || {
            barrier.wait();
            bench.granted(500)
        };
        let granted: u32 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(granted, 1000, "{algorithm:?}");
    }
}

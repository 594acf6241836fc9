//! The throttle under threads: bounds hold, and nothing is lost.

use std::sync::Barrier;
use std::sync::atomic::AtomicU32;

use super::*;

const THREADS: u64 = 8;

fn together(work: impl Fn(u64) + Sync) {
    let barrier = Barrier::new(THREADS as usize);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(thread);
            });
        }
    });
}

#[test]
fn no_more_is_forced_through_than_told() {
    let bench = Bench::new(Config {
        window: 600 * SECOND,
        ..Config::default()
    });
    bench.record(Outcome::Failure, 2000);
    for _ in 0..100 {
        bench.hand.advance(SECOND);
        let passed = AtomicU32::new(0);
        together(|_| {
            for _ in 0..20 {
                if bench.throttle.check(bench.clock.now(), 0.0).is_ok() {
                    passed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        assert_eq!(passed.into_inner(), 1);
    }
}

#[test]
fn every_result_and_refusal_is_counted_once() {
    let bench = Bench::new(Config::default());
    let (passed, refused) = (AtomicU32::new(0), AtomicU32::new(0));
    let now = bench.clock.now();
    together(|thread| {
        let mut rng = Rng::seeded(thread);
        for number in 0..5000 {
            if bench.throttle.check(now, rng.unit()).is_err() {
                refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            passed.fetch_add(1, Ordering::Relaxed);
            let accepted = number % 4 == 0;
            bench.record(if accepted { Outcome::Success } else { Outcome::Throttled }, 1);
        }
    });
    let (passed, refused) = (passed.into_inner(), refused.into_inner());
    assert_eq!(bench.throttle.snapshot(now).requests, u64::from(passed + refused));
    assert!(refused > 0);
}

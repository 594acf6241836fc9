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
    let bench = Bench::new(Config::default());
    bench.record(2000, Outcome::Failure);
    bench.spend_forced_pass();
    for _ in 0..100 {
        bench.hand.advance(SECOND);
        let passed = AtomicU32::new(0);
        together(|_| {
            for _ in 0..20 {
                if bench.check(UNLUCKY).is_ok() {
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
    together(|thread| {
        let mut rng = Rng::seeded(thread);
        for number in 0..5000 {
            if bench.check(rng.unit()).is_err() {
                refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            passed.fetch_add(1, Ordering::Relaxed);
            bench.record(
                1,
                if number % 4 == 0 {
                    Outcome::Success
                } else {
                    Outcome::Throttled
                },
            );
        }
    });
    let (passed, refused) = (u64::from(passed.into_inner()), u64::from(refused.into_inner()));
    let snapshot = bench.snapshot();
    assert_eq!((snapshot.requests, snapshot.refused), (passed + refused, refused));
    assert!(refused > 0);
}

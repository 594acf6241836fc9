//! The breaker under threads: bounds hold, and nothing is left over.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, AtomicU64};

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
fn never_more_probes_than_told() {
    let bench = Bench::new(no_jitter());
    for _ in 0..200 {
        bench.breaker.set_mode(Mode::Disabled, bench.clock.now());
        bench.breaker.set_mode(Mode::Automatic, bench.clock.now());
        bench.open();
        bench.wait();
        let (out, most) = (AtomicU32::new(0), AtomicU32::new(0));
        together(|thread| {
            let mut rng = Rng::seeded(thread);
            for _ in 0..20 {
                let Ok(ticket) = bench.check() else { continue };
                assert!(ticket.is_probe());
                most.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                if rng.below(2) == 0 {
                    std::thread::yield_now();
                }
                out.fetch_sub(1, Ordering::SeqCst);
                bench.breaker.release(ticket);
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 3, "{most:?}");
        assert_eq!(bench.snapshot().probes, 0, "all slots are free again");
    }
}

#[test]
fn every_result_is_counted_once() {
    let calls = Window::Calls(std::num::NonZeroU32::new(100_000).expect("not zero"));
    for window in [Window::Time(3600 * SECOND), calls] {
        let bench = Bench::new(Config {
            window,
            min_calls: 50_000,
            failure_rate: Some(1.0),
            ..no_jitter()
        });
        let failures = AtomicU64::new(0);
        together(|thread| {
            let mut rng = Rng::seeded(thread);
            for _ in 0..5000 {
                let fails = rng.below(3) == 0;
                failures.fetch_add(u64::from(fails), Ordering::Relaxed);
                bench.call(if fails { Observed::FAILURE } else { Observed::SUCCESS });
            }
        });
        let counts = bench.snapshot().window;
        assert_eq!((counts.calls, counts.failures), (THREADS * 5000, failures.into_inner()));
    }
}

#[test]
fn a_window_of_calls_never_holds_more_than_its_size() {
    let size = 7;
    let bench = Bench::new(Config {
        window: Window::Calls(std::num::NonZeroU32::new(size).expect("not zero")),
        min_calls: 7,
        failure_rate: Some(1.0),
        ..no_jitter()
    });
    together(|thread| {
        for number in 0..5000 {
            let fails = (number + thread) % 5 == 0;
            bench.call(if fails { Observed::FAILURE } else { Observed::SUCCESS });
        }
    });
    assert_eq!(bench.snapshot().window.calls, u64::from(size));
}

#[test]
fn threads_that_trip_it_together_trip_it_once() {
    for _ in 0..200 {
        let bench = Bench::new(Config {
            min_calls: 4,
            ..no_jitter()
        });
        together(|_| {
            bench.call(Observed::FAILURE);
        });
        let snapshot = bench.snapshot();
        assert_eq!((snapshot.state, snapshot.trips), (State::Open, 1));
        assert_eq!(bench.open_for(), 5 * SECOND);
    }
}

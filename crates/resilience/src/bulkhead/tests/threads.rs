//! Eight threads: never more in flight than told, and at the end nobody.

use std::sync::Barrier;
use std::sync::atomic::AtomicI64;

use nines_base::Rng;

use super::*;

#[test]
fn never_more_in_flight_than_told() {
    let bench = Bench::new(3, 4);
    let (out, most, served) = (AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0));
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (bench, out, most, served, barrier) = (&bench, &out, &most, &served, &barrier);
            scope.spawn(move || {
                let mut rng = Rng::seeded(thread);
                barrier.wait();
                for _ in 0..2000 {
                    let Some(slot) = wait(bench, &mut rng) else { continue };
                    most.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    if rng.below(4) == 0 {
                        std::thread::yield_now();
                    }
                    served.fetch_add(1, Ordering::SeqCst);
                    out.fetch_sub(1, Ordering::SeqCst);
                    bench.bulkhead.release(slot);
                }
            });
        }
    });
    assert!(most.load(Ordering::SeqCst) <= 3 && served.load(Ordering::SeqCst) > 0);
    assert_eq!(bench.counts(), (0, 0));
}

/// Polls until it is in; now and then it is refused or goes away.
fn wait(bench: &Bench, rng: &mut Rng) -> Option<Slot> {
    let deadline = (rng.below(2) == 0).then(|| rng.below(500));
    let (mut caller, mut polled) = bench.come(deadline);
    for _ in 0..rng.below(50) {
        match polled {
            Poll::Ready(decision) => return decision.ok(),
            Poll::Pending => std::thread::yield_now(),
        }
        polled = bench.poll(&mut caller);
    }
    match polled {
        Poll::Ready(decision) => decision.ok(),
        Poll::Pending => None,
    }
}

//! Wakers that do more than wake when they are dropped, as those of a task that is dropped with its last waker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use parking_lot::Mutex;

use super::*;

/// Drops what it owns with its last waker.
struct Owner<T>(Mutex<T>);

impl<T: Send> Wake for Owner<T> {
    fn wake(self: Arc<Self>) {}
}

fn owner<T: Send + 'static>(owned: T) -> Waker {
    Waker::from(Arc::new(Owner(Mutex::new(owned))))
}

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("a drop that panics");
    }
}

/// A full bulkhead and a caller in its queue whose waker owns what is made of the bench.
fn waiting<T: Send + 'static>(owned: impl FnOnce(&Bench) -> T) -> (Bench, Slot, Caller) {
    let bench = Bench::new(1, 10);
    let slot = bench.enters();
    let mut caller = bench.waits(None);
    let waker = owner(owned(&bench));
    let polled = caller.enter.poll_enter(&Context::from_waker(&waker), bench.clock.now());
    assert!(polled.is_pending());
    (bench, slot, caller)
}

/// The waker goes when another takes its place, and when its owner leaves the queue.
const ENDS: [fn(&Bench, Caller); 2] = [
    |bench, mut caller| assert!(bench.poll(&mut caller).is_pending()),
    |_bench, caller| drop(caller),
];

/// On a thread of its own, so that a deadlock ends the test.
#[test]
fn a_waker_may_come_back_to_the_bulkhead_when_it_is_dropped() {
    for end in ENDS {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let (bench, slot, caller) = waiting(|bench| bench.waits(None).enter);
            end(&bench, caller);
            bench.bulkhead.release(slot);
            tell.send(bench.counts())
        });
        let counts = told.recv_timeout(5 * SECOND).expect("it does not stand still");
        assert_eq!(counts, (0, 0));
    }
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_costs_no_slot() {
    for end in ENDS {
        let (bench, slot, caller) = waiting(|_| Panics);
        let ended = catch_unwind(AssertUnwindSafe(|| end(&bench, caller)));
        assert!(ended.is_err(), "it panics");
        bench.bulkhead.release(slot);
        assert_eq!(bench.counts(), (0, 0));
    }
}

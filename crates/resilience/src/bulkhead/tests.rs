//! The bulkhead by tables, against a model, and under threads.

mod model;
mod threads;
mod wakers;

use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use nines_base::{Clock, ManualClock};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn bulkhead(max_in_flight: u32, max_queue: u32) -> Arc<Bulkhead> {
    let config = Config {
        max_in_flight,
        max_queue,
        max_wait: SECOND,
    };
    Arc::new(Bulkhead::new(config).expect("a good configuration"))
}

/// Counts its wake-ups.
#[derive(Debug, Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A call on its way in, with its bell.
struct Caller {
    enter: Enter,
    bell: Arc<Bell>,
}

struct Bench {
    bulkhead: Arc<Bulkhead>,
    clock: Clock,
    hand: ManualClock,
}

impl Bench {
    fn new(max_in_flight: u32, max_queue: u32) -> Self {
        let (clock, hand) = Clock::manual();
        let bulkhead = bulkhead(max_in_flight, max_queue);
        Self { bulkhead, clock, hand }
    }

    /// Comes, with a deadline in so many milliseconds, and is polled once.
    fn come(&self, deadline: Option<u64>) -> (Caller, Poll<Result<Slot, Refused>>) {
        let now = self.clock.now();
        let deadline = deadline.map(|millis| now + Duration::from_millis(millis));
        let mut caller = Caller {
            enter: self.bulkhead.enter(deadline, now),
            bell: Arc::default(),
        };
        let polled = self.poll(&mut caller);
        (caller, polled)
    }

    fn waits(&self, deadline: Option<u64>) -> Caller {
        let (caller, polled) = self.come(deadline);
        assert!(polled.is_pending(), "{polled:?}");
        caller
    }

    fn enters(&self) -> Slot {
        match self.come(None).1 {
            Poll::Ready(Ok(slot)) => slot,
            other => panic!("{other:?}"),
        }
    }

    fn poll(&self, caller: &mut Caller) -> Poll<Result<Slot, Refused>> {
        let waker = Waker::from(caller.bell.clone());
        caller.enter.poll_enter(&Context::from_waker(&waker), self.clock.now())
    }

    /// Whether it was woken and is in now.
    fn is_in(&self, caller: &mut Caller) -> Option<Slot> {
        if caller.bell.0.load(Ordering::SeqCst) == 0 {
            return None;
        }
        match self.poll(caller) {
            Poll::Ready(Ok(slot)) => Some(slot),
            other => panic!("{other:?}"),
        }
    }

    fn counts(&self) -> (u32, u32) {
        (self.bulkhead.in_flight(), self.bulkhead.queued())
    }
}

fn refusal(polled: Poll<Result<Slot, Refused>>) -> String {
    match polled {
        Poll::Ready(Err(refused)) => refused.to_string(),
        other => panic!("{other:?}"),
    }
}

/// tower's limit could only queue; who wants to be refused says so (tower#793).
#[test]
fn tower_793_rejects_when_told_to() {
    let bench = Bench::new(2, 0);
    let slots = [bench.enters(), bench.enters()];
    assert_eq!(refusal(bench.come(None).1), "overloaded: in_flight=2 bound=2");
    let refused = bench.bulkhead.try_enter().expect_err("full");
    assert_eq!(refused.to_string(), "overloaded: in_flight=2 bound=2");
    for slot in slots {
        bench.bulkhead.release(slot);
    }
    assert_eq!(bench.counts(), (0, 0));
}

#[test]
fn a_slot_goes_to_the_earliest_deadline() {
    let bench = Bench::new(1, 10);
    let slot = bench.enters();
    let mut callers = [None, Some(900), Some(300), None, Some(300), Some(500)].map(|deadline| bench.waits(deadline));
    let mut order = Vec::new();
    let mut slot = Some(slot);
    while let Some(held) = slot.take() {
        bench.bulkhead.release(held);
        for (number, caller) in callers.iter_mut().enumerate() {
            if !order.contains(&number)
                && let Some(next) = bench.is_in(caller)
            {
                order.push(number);
                slot = Some(next);
            }
        }
    }
    assert_eq!(order, [2, 4, 5, 1, 0, 3]);
    assert_eq!(bench.counts(), (0, 0));
}

#[test]
fn a_full_queue_refuses() {
    let bench = Bench::new(1, 2);
    let slot = bench.enters();
    let waiting = [bench.waits(None), bench.waits(None)];
    assert_eq!(refusal(bench.come(Some(1)).1), "overloaded: queue=2 bound=2");
    drop(waiting);
    assert_eq!(bench.counts(), (1, 0));
    bench.bulkhead.release(slot);
}

#[test]
fn nobody_overtakes_who_waits() {
    let bench = Bench::new(1, 2);
    let slot = bench.enters();
    let mut first = bench.waits(None);
    bench.bulkhead.release(slot);
    assert!(bench.bulkhead.try_enter().is_err(), "it is his");
    let _second = bench.waits(Some(1));
    let slot = bench.is_in(&mut first).expect("the first");
    assert_eq!(bench.counts(), (1, 1));
    bench.bulkhead.release(slot);
}

#[test]
fn a_wait_ends_at_its_limit_or_the_deadline() {
    for (deadline, limit, expected) in [
        (None, 1000, "overloaded: wait=1 bound=1"),
        (Some(5000), 1000, "overloaded: wait=1 bound=1"),
        (Some(200), 200, "deadline_exceeded: wait=0.2 bound=0.2"),
    ] {
        let bench = Bench::new(1, 2);
        let slot = bench.enters();
        let begun = bench.clock.now();
        let mut caller = bench.waits(deadline);
        let until = caller.enter.limit().expect("it waits");
        assert_eq!(until - begun, Duration::from_millis(limit));
        bench.hand.advance(until - begun - Duration::from_nanos(1));
        assert!(bench.poll(&mut caller).is_pending());
        bench.hand.advance(Duration::from_nanos(1));
        assert_eq!(refusal(bench.poll(&mut caller)), expected);
        assert_eq!(bench.counts(), (1, 0));
        bench.bulkhead.release(slot);
    }
}

#[test]
fn a_slot_that_comes_too_late_is_handed_on() {
    let bench = Bench::new(1, 2);
    let slot = bench.enters();
    let mut late = bench.waits(Some(100));
    let mut other = bench.waits(None);
    bench.hand.advance(Duration::from_millis(100));
    bench.bulkhead.release(slot);
    assert!(refusal(bench.poll(&mut late)).starts_with("deadline_exceeded"));
    let slot = bench.is_in(&mut other).expect("handed on");
    assert_eq!(bench.counts(), (1, 0));
    bench.bulkhead.release(slot);
    assert_eq!(bench.counts(), (0, 0));
}

/// Dropped before it is polled, while it waits, after a slot was given, after it was refused.
#[test]
fn a_caller_that_goes_away_leaves_nothing_behind() {
    let bench = Bench::new(1, 1);
    drop(bench.bulkhead.enter(None, bench.clock.now()));
    assert_eq!(bench.counts(), (0, 0), "never polled");
    let slot = bench.enters();
    drop(bench.bulkhead.enter(None, bench.clock.now()));
    assert_eq!(bench.counts(), (1, 0), "never polled, in the queue");
    let waiting = bench.waits(None);
    drop(bench.bulkhead.enter(None, bench.clock.now()));
    assert_eq!(bench.counts(), (1, 1), "refused");
    bench.bulkhead.release(slot);
    assert_eq!(bench.counts(), (1, 0), "given, not yet taken");
    drop(waiting);
    assert_eq!(bench.counts(), (0, 0), "given back");
}

#[test]
fn limits_change_while_calls_go_on() {
    let bench = Bench::new(1, 3);
    let first = bench.enters();
    let mut callers = [(); 3].map(|()| bench.waits(None));
    let set = |max_in_flight, max_queue| {
        let config = Config {
            max_in_flight,
            max_queue,
            max_wait: SECOND,
        };
        bench.bulkhead.set_limits(config).expect("good");
    };
    set(3, 3);
    let mut slots: Vec<Slot> = callers.iter_mut().filter_map(|caller| bench.is_in(caller)).collect();
    slots.push(first);
    assert_eq!((slots.len(), bench.counts()), (3, (3, 1)));
    set(1, 3);
    bench.bulkhead.release(slots.pop().expect("three"));
    bench.bulkhead.release(slots.pop().expect("two"));
    assert_eq!(bench.counts(), (1, 1), "the excess drains first");
    bench.bulkhead.release(slots.pop().expect("one"));
    assert_eq!(bench.counts(), (1, 0), "then who waits");
    drop(callers);
    assert_eq!(bench.counts(), (0, 0));
}

/// Whatever the limits are when his wait is over.
#[test]
fn a_refusal_tells_the_wait_that_was_given() {
    let bench = Bench::new(1, 1);
    let _slot = bench.enters();
    let mut caller = bench.waits(None);
    let config = Config {
        max_in_flight: 1,
        max_queue: 1,
        max_wait: 5 * SECOND,
    };
    bench.bulkhead.set_limits(config).expect("good");
    bench.hand.advance(SECOND);
    assert_eq!(refusal(bench.poll(&mut caller)), "overloaded: wait=1 bound=1");
}

#[test]
fn a_slot_of_another_bulkhead_changes_nothing() {
    let (bench, other) = (Bench::new(1, 1), Bench::new(1, 1));
    let slot = bench.enters();
    let released = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| other.bulkhead.release(slot)));
    assert_eq!((other.counts(), bench.counts()), ((0, 0), (1, 0)));
    let told = released.err().and_then(|told| told.downcast_ref::<&str>().copied());
    let expected = "a slot goes back to the bulkhead that gave it";
    assert_eq!(told, cfg!(debug_assertions).then_some(expected));
}

#[test]
fn a_waker_that_changes_is_the_one_that_is_woken() {
    let bench = Bench::new(1, 1);
    let slot = bench.enters();
    let mut caller = bench.waits(None);
    let old = std::mem::take(&mut caller.bell);
    assert!(bench.poll(&mut caller).is_pending());
    bench.bulkhead.release(slot);
    assert_eq!(
        (old.0.load(Ordering::SeqCst), caller.bell.0.load(Ordering::SeqCst)),
        (0, 1)
    );
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let base = Config::default();
    for (field, config) in [
        (
            "bulkhead.maxInFlight",
            Config {
                max_in_flight: 0,
                ..base
            },
        ),
        (
            "bulkhead.maxInFlight",
            Config {
                max_in_flight: 1_000_001,
                ..base
            },
        ),
        (
            "bulkhead.maxQueue",
            Config {
                max_queue: 1_000_001,
                ..base
            },
        ),
        (
            "bulkhead.maxWait",
            Config {
                max_wait: Duration::ZERO,
                ..base
            },
        ),
    ] {
        assert_eq!(Bulkhead::new(config).expect_err(field).field, field);
        assert_eq!(bulkhead(1, 1).set_limits(config).expect_err(field).field, field);
    }
}

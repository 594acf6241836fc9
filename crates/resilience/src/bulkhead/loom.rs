//! Every interleaving of two threads.

use std::task::Wake;

use ::loom::sync::atomic::AtomicBool;
use ::loom::thread;
use nines_base::Clock;

use super::*;

struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn config(max_in_flight: u32, max_queue: u32) -> Config {
    Config {
        max_in_flight,
        max_queue,
        ..Config::default()
    }
}

fn full(max_queue: u32) -> (Arc<Bulkhead>, Slot) {
    let bulkhead = Arc::new(Bulkhead::new(config(1, max_queue)).expect("good"));
    let slot = bulkhead.try_enter().expect("empty");
    (bulkhead, slot)
}

fn poll(enter: &mut Enter, bell: &Arc<Bell>, now: Instant) -> Poll<Result<Slot, Refused>> {
    let waker = Waker::from(bell.clone());
    enter.poll_enter(&Context::from_waker(&waker), now)
}

/// A slot is given back while another thread joins the queue: he has it at once, or he is woken.
#[test]
fn no_wake_up_is_lost() {
    let now = Clock::system().now();
    ::loom::model(move || {
        let (bulkhead, slot) = full(1);
        let releasing = {
            let bulkhead = bulkhead.clone();
            thread::spawn(move || bulkhead.release(slot))
        };
        let bell = Arc::new(Bell(AtomicBool::new(false)));
        let mut enter = bulkhead.enter(None, now);
        let mut polled = poll(&mut enter, &bell, now);
        releasing.join().expect("no panic");
        if polled.is_pending() {
            assert!(bell.0.load(Ordering::SeqCst), "woken");
            polled = poll(&mut enter, &bell, now);
        }
        let Poll::Ready(Ok(slot)) = polled else {
            panic!("{polled:?}")
        };
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 0));
        bulkhead.release(slot);
        assert_eq!(bulkhead.in_flight(), 0);
    });
}

/// A waiter goes away while it is given a slot: the slot is free again.
#[test]
fn a_slot_given_to_who_leaves_is_not_lost() {
    let now = Clock::system().now();
    ::loom::model(move || {
        let (bulkhead, slot) = full(1);
        let enter = bulkhead.enter(None, now);
        let leaving = thread::spawn(move || drop(enter));
        bulkhead.release(slot);
        leaving.join().expect("no panic");
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
    });
}

/// Two threads and one slot.
#[test]
fn one_slot_goes_to_one_thread() {
    ::loom::model(move || {
        let (bulkhead, slot) = full(0);
        bulkhead.release(slot);
        let enter = |bulkhead: Arc<Bulkhead>| move || bulkhead.try_enter().is_ok();
        let other = thread::spawn(enter(bulkhead.clone()));
        let mine = enter(bulkhead.clone())();
        assert!(mine != other.join().expect("no panic"), "one of the two");
        assert_eq!(bulkhead.in_flight(), 1);
    });
}

/// More room while a slot is given back: both who wait come in.
#[test]
fn more_room_lets_all_in() {
    let now = Clock::system().now();
    ::loom::model(move || {
        let (bulkhead, slot) = full(2);
        let bell = Arc::new(Bell(AtomicBool::new(false)));
        let mut waiting = [bulkhead.enter(None, now), bulkhead.enter(None, now)];
        let raising = {
            let bulkhead = bulkhead.clone();
            thread::spawn(move || bulkhead.set_limits(config(2, 2)).expect("good"))
        };
        bulkhead.release(slot);
        raising.join().expect("no panic");
        for enter in &mut waiting {
            let polled = poll(enter, &bell, now);
            let Poll::Ready(Ok(slot)) = polled else {
                panic!("{polled:?}")
            };
            let _lost = slot;
        }
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (2, 0));
    });
}

/// Two in flight where one may be, and one who waits.
fn with_excess(now: Instant) -> (Arc<Bulkhead>, [Slot; 2], Enter) {
    let bulkhead = Arc::new(Bulkhead::new(config(2, 2)).expect("good"));
    let slots = [(); 2].map(|()| bulkhead.try_enter().expect("room"));
    bulkhead.set_limits(config(1, 2)).expect("good");
    let waiting = bulkhead.enter(None, now);
    (bulkhead, slots, waiting)
}

/// The limit is raised again while the excess drains: there is room, so nobody may be left waiting.
#[test]
fn more_room_while_the_excess_drains_lets_all_in() {
    let now = Clock::system().now();
    ::loom::model(move || {
        let (bulkhead, [slot, _kept], _waiting) = with_excess(now);
        let raising = {
            let bulkhead = bulkhead.clone();
            thread::spawn(move || bulkhead.set_limits(config(2, 2)).expect("good"))
        };
        bulkhead.release(slot);
        raising.join().expect("no panic");
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (2, 0));
    });
}

/// Two slots go back at a time: one drains, the other goes to who waits.
#[test]
fn the_excess_drains_and_then_who_waits_comes_in() {
    let now = Clock::system().now();
    ::loom::model(move || {
        let (bulkhead, [one, other], _waiting) = with_excess(now);
        let releasing = {
            let bulkhead = bulkhead.clone();
            thread::spawn(move || bulkhead.release(one))
        };
        bulkhead.release(other);
        releasing.join().expect("no panic");
        assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 0));
    });
}

#[test]
fn limits_that_are_set_at_the_same_time_do_not_mix() {
    ::loom::model(move || {
        let bulkhead = Arc::new(Bulkhead::new(config(1, 1)).expect("good"));
        let setting = {
            let bulkhead = bulkhead.clone();
            thread::spawn(move || bulkhead.set_limits(config(2, 2)).expect("good"))
        };
        bulkhead.set_limits(config(3, 3)).expect("good");
        setting.join().expect("no panic");
        let now = bulkhead.snapshot();
        assert_eq!(now.max_in_flight, now.max_queue);
    });
}

//! Deadlines of a worker's connections, at no cost per request.
//!
//! Each connection has one alarm. Setting it is a store; only when the new deadline is *earlier* than what the alarm is
//! armed for does it enter the heap. An alarm that goes off before its deadline is armed again for the rest. So a
//! keep-alive connection that swings between a request's deadline and the idle one enters the heap about once per
//! shortest deadline and not once per request.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use nines_base::Clock;
use tokio::sync::Notify;

/// The alarms of one worker.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    inner: RefCell<Inner>,
    /// Wakes [`run`] when an alarm is armed for earlier than it sleeps.
    earlier: Notify,
}

/// One connection's alarm; freed when dropped.
#[derive(Debug)]
pub(crate) struct Alarm {
    timers: Rc<Timers>,
    key: u32,
}

#[derive(Debug, Default)]
struct Inner {
    slots: Vec<Slot>,
    free: Vec<u32>,
    heap: BinaryHeap<Reverse<(Instant, u32)>>,
}

#[derive(Debug, Default)]
struct Slot {
    waker: Option<Waker>,
    deadline: Option<Instant>,
    /// The one heap entry that counts; others of this slot are stale.
    armed: Option<Instant>,
    /// Going off early on a drain only concerns connections that wait for a request.
    idle_since: Option<Instant>,
    fired: bool,
}

impl Timers {
    /// An alarm that wakes nobody yet.
    pub(crate) fn alarm(self: &Rc<Self>) -> Alarm {
        let mut inner = self.inner.borrow_mut();
        let key = inner.free.pop().unwrap_or_else(|| {
            inner.slots.push(Slot::default());
            u32::try_from(inner.slots.len() - 1).expect("fewer connections than 2^32")
        });
        Alarm {
            timers: self.clone(),
            key,
        }
    }

    /// Sets off what is due and says when to come back.
    fn fire(&self, now: Instant) -> Option<Instant> {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        while let Some(Reverse((at, key))) = inner.heap.peek().copied() {
            if at > now {
                return Some(at);
            }
            inner.heap.pop();
            let slot = &mut inner.slots[key as usize];
            if slot.armed != Some(at) {
                continue;
            }
            slot.armed = None;
            match slot.deadline {
                Some(deadline) if deadline > now => {
                    slot.armed = Some(deadline);
                    inner.heap.push(Reverse((deadline, key)));
                }
                Some(_) => slot.fire(),
                None => {}
            }
        }
        None
    }

    /// Gives every connection that waits for a request only `grace` more since it began to wait, and sets off those
    /// that have waited longer.
    pub(crate) fn shorten_idle(&self, grace: Duration) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        for (key, slot) in (0u32..).zip(&mut inner.slots) {
            if let Some(since) = slot.idle_since {
                slot.deadline = Some(since + grace);
                slot.armed = slot.deadline;
                inner.heap.push(Reverse((since + grace, key)));
            }
        }
        self.earlier.notify_one();
    }

    fn set(&self, key: u32, deadline: Option<Instant>, idle_since: Option<Instant>) {
        let mut inner = self.inner.borrow_mut();
        let slot = &mut inner.slots[key as usize];
        slot.deadline = deadline;
        slot.idle_since = idle_since;
        slot.fired = false;
        let Some(deadline) = deadline else { return };
        if slot.armed.is_some_and(|armed| armed <= deadline) {
            return;
        }
        slot.armed = Some(deadline);
        if inner.heap.peek().is_none_or(|Reverse((at, _))| deadline < *at) {
            self.earlier.notify_one();
        }
        inner.heap.push(Reverse((deadline, key)));
        inner.shed_stale();
    }
}

impl Slot {
    fn fire(&mut self) {
        self.fired = true;
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

impl Inner {
    /// Entries of closed connections stay until their time; when they outnumber the living, they go.
    fn shed_stale(&mut self) {
        let living = self.slots.len() - self.free.len();
        if self.heap.len() > 2 * living + 1024 {
            let slots = &self.slots;
            self.heap
                .retain(|Reverse((at, key))| slots[*key as usize].armed == Some(*at));
        }
    }
}

impl Alarm {
    /// Wakes this task from now on.
    pub(crate) fn wakes(&self, waker: &Waker) {
        self.timers.inner.borrow_mut().slots[self.key as usize].waker = Some(waker.clone());
    }

    /// Goes off at `deadline` from now on, in place of what was set before; `None` never.
    pub(crate) fn set(&self, deadline: Option<Instant>) {
        self.timers.set(self.key, deadline, None);
    }

    /// As [`Alarm::set`], for a connection that waits for a request.
    pub(crate) fn set_idle(&self, since: Instant, deadline: Instant) {
        self.timers.set(self.key, Some(deadline), Some(since));
    }

    /// What it was set to last.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.timers.inner.borrow().slots[self.key as usize].deadline
    }

    /// Whether it has gone off since it was last set.
    pub(crate) fn fired(&self) -> bool {
        self.timers.inner.borrow().slots[self.key as usize].fired
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut inner = self.timers.inner.borrow_mut();
        inner.slots[self.key as usize] = Slot::default();
        inner.free.push(self.key);
    }
}

/// Sets the alarms off, for as long as the worker lives.
pub(crate) async fn run(timers: Rc<Timers>, clock: Clock) {
    loop {
        match timers.fire(clock.now()) {
            None => timers.earlier.notified().await,
            Some(at) => {
                let wait = at.saturating_duration_since(clock.now());
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = timers.earlier.notified() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn setup() -> (Rc<Timers>, Alarm, Instant) {
        let timers = Rc::new(Timers::default());
        let alarm = timers.alarm();
        (timers, alarm, Clock::system().now())
    }

    #[test]
    fn goes_off_at_its_deadline_and_not_before() {
        let (timers, alarm, now) = setup();
        alarm.set(Some(now + 2 * SECOND));
        assert_eq!(timers.fire(now + SECOND), Some(now + 2 * SECOND));
        assert!(!alarm.fired());
        timers.fire(now + 2 * SECOND);
        assert!(alarm.fired());
    }

    #[test]
    fn a_later_deadline_costs_no_entry_and_holds() {
        let (timers, alarm, now) = setup();
        alarm.set(Some(now + SECOND));
        for _ in 0..100 {
            alarm.set(Some(now + 5 * SECOND));
        }
        assert_eq!(timers.inner.borrow().heap.len(), 1);
        assert_eq!(timers.fire(now + SECOND), Some(now + 5 * SECOND));
        assert!(!alarm.fired());
    }

    #[test]
    fn an_earlier_deadline_counts_at_once() {
        let (timers, alarm, now) = setup();
        alarm.set(Some(now + 60 * SECOND));
        alarm.set(Some(now + SECOND));
        timers.fire(now + SECOND);
        assert!(alarm.fired());
    }

    #[test]
    fn a_deadline_taken_back_does_not_go_off() {
        let (timers, alarm, now) = setup();
        alarm.set(Some(now + SECOND));
        alarm.set(None);
        assert_eq!(timers.fire(now + 2 * SECOND), None);
        assert!(!alarm.fired());
    }

    #[test]
    fn a_reused_slot_hears_nothing_of_its_former_owner() {
        let (timers, alarm, now) = setup();
        alarm.set(Some(now + SECOND));
        drop(alarm);
        let next = timers.alarm();
        next.set(Some(now + 9 * SECOND));
        timers.fire(now + 2 * SECOND);
        assert!(!next.fired());
    }

    #[test]
    fn closed_connections_do_not_pile_up() {
        let (timers, _alarm, now) = setup();
        for i in 0..10_000 {
            timers.alarm().set(Some(now + SECOND + Duration::from_nanos(i)));
        }
        assert!(timers.inner.borrow().heap.len() <= 2048);
    }

    #[test]
    fn a_drain_shortens_idle_waits_only() {
        let (timers, busy, now) = setup();
        let idle = timers.alarm();
        busy.set(Some(now + 60 * SECOND));
        idle.set_idle(now, now + 60 * SECOND);
        timers.shorten_idle(SECOND);
        timers.fire(now + SECOND);
        assert!(idle.fired() && !busy.fired());
    }
}

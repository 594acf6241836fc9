//! A call on its way in.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use nines_model::Cause;

use super::{Bulkhead, Entry, Place, Slot, refused};
use crate::{Measure, Refused};

/// A call that enters a bulkhead, at once or from its queue. It has its slot, its place in the queue or its refusal from the
/// beginning; whoever polls it is told. Dropped, it leaves the queue, or hands on the slot that it was given.
///
/// It is no `Future` because it knows no clock: whoever polls it tells the time, and wakes it at [`Enter::limit`].
#[derive(Debug)]
#[must_use = "a call that is dropped leaves again: poll it to be told of its slot"]
pub struct Enter {
    bulkhead: Arc<Bulkhead>,
    stage: Stage,
    deadline: Option<Instant>,
    begun: Instant,
    limit: Option<Instant>,
}

#[derive(Debug)]
enum Stage {
    Decided(Result<Slot, Refused>),
    Waits(Place),
    Over,
}

impl Enter {
    pub(super) fn new(bulkhead: Arc<Bulkhead>, deadline: Option<Instant>, now: Instant) -> Self {
        let stage = match bulkhead.join(deadline) {
            Ok(Entry::In(slot)) => Stage::Decided(Ok(slot)),
            Ok(Entry::Waits(place)) => Stage::Waits(place),
            Err(refused) => Stage::Decided(Err(refused)),
        };
        let longest = matches!(stage, Stage::Waits(_))
            .then(|| now.checked_add(bulkhead.max_wait()))
            .flatten();
        let limit = longest.map(|longest| deadline.map_or(longest, |deadline| deadline.min(longest)));
        Self {
            bulkhead,
            stage,
            deadline,
            begun: now,
            limit,
        }
    }

    /// Until when it waits; poll it then. `None` if it does not wait.
    pub fn limit(&self) -> Option<Instant> {
        self.limit
    }

    /// A slot, or the refusal: there was no room, or the wait is over. What was decided at the beginning is told at any
    /// later time. After it was ready it must not be polled again; it would stay pending.
    pub fn poll_enter(&mut self, cx: &Context<'_>, now: Instant) -> Poll<Result<Slot, Refused>> {
        let over = self.limit.is_some_and(|limit| now >= limit);
        // The place stays known until its owner has heard of it: wakers run code of others, which may panic.
        if let (Stage::Waits(place), false) = (&self.stage, over) {
            let polled = self.bulkhead.poll(place, cx);
            if polled.is_ready() {
                self.stage = Stage::Over;
            }
            return polled.map(Ok);
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Decided(decision) => Poll::Ready(decision),
            Stage::Waits(place) => {
                self.bulkhead.leave(&place);
                Poll::Ready(Err(self.late(now)))
            }
            Stage::Over => Poll::Pending,
        }
    }

    /// What it was given when it came counts, whatever the limits are by now.
    fn late(&self, now: Instant) -> Refused {
        let passed = self.deadline.filter(|deadline| now >= *deadline);
        let given = passed.or(self.limit).unwrap_or(self.begun);
        let seconds = |until: Instant| until.saturating_duration_since(self.begun).as_secs_f64();
        let mut late = refused(Measure::Wait, seconds(now), seconds(given));
        if passed.is_some() {
            late.cause = Cause::DeadlineExceeded;
        }
        late
    }
}

impl Drop for Enter {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Decided(Ok(slot)) => self.bulkhead.release(slot),
            Stage::Waits(place) => self.bulkhead.leave(&place),
            Stage::Decided(Err(_)) | Stage::Over => {}
        }
    }
}

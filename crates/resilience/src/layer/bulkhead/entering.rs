//! A call on its way in, and its place once it is in.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;

use crate::Refusal;
use crate::bulkhead::{Bulkhead, Enter, Slot};
use crate::layer::{Alarm, Shared, now};

/// A place in the bulkhead, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    shared: Arc<Shared<Arc<Bulkhead>>>,
    slot: Option<Slot>,
}

pin_project! {
    /// Waits for a place, and no longer than it may.
    #[derive(Debug)]
    pub(crate) struct Entering {
        shared: Arc<Shared<Arc<Bulkhead>>>,
        enter: Enter,
        #[pin]
        alarm: Alarm,
    }
}

impl Held {
    pub(super) fn new(shared: Arc<Shared<Arc<Bulkhead>>>, slot: Slot) -> Self {
        Self {
            shared,
            slot: Some(slot),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.shared.core.release(slot);
        }
    }
}

impl Entering {
    pub(crate) fn new(shared: Arc<Shared<Arc<Bulkhead>>>, deadline: Option<Instant>) -> Self {
        let enter = shared.core.enter(deadline, now());
        let alarm = Alarm::at(enter.limit());
        Self { shared, enter, alarm }
    }

    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Held, Refusal>> {
        let this = self.project();
        let mut polled = this.enter.poll_enter(cx, now());
        if polled.is_pending() {
            let rang = ready!(this.alarm.poll(cx));
            polled = this.enter.poll_enter(cx, rang);
        }
        let entered = ready!(polled);
        Poll::Ready(match entered {
            Ok(slot) => Ok(Held::new(this.shared.clone(), slot)),
            Err(refused) => Err(this.shared.refusal(refused)),
        })
    }
}

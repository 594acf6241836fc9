//! A subscriber's place in the stream of changes: which message is due next. No I/O.

use nines_model::{Interest, Revision};

use crate::mirror::{Delta, Mirror};

/// Where a subscriber stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// What it knows once everything sent is applied; `None` before its first message and after a new interest.
    position: Option<Revision>,
    /// The revision of the last message.
    sent: Option<Revision>,
}

impl Cursor {
    /// Starts at what a subscriber has applied before; 0 is nothing.
    pub fn resume(from: Revision) -> Self {
        Self {
            position: (from > 0).then_some(from),
            sent: None,
        }
    }

    /// What it resumes from, before its first message.
    pub fn resuming(&self) -> Option<Revision> {
        self.position.filter(|_| self.sent.is_none())
    }

    /// Starts anew: the next message is the full state.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// The message that is due, if there is one. The first message always is, also when it says only that nothing
    /// has changed. Without a message the position still moves on: there was nothing to tell up to there.
    pub fn next(&mut self, mirror: &Mirror, interest: &Interest) -> Option<Delta> {
        let delta = mirror.delta(interest, self.position);
        self.position = Some(delta.revision);
        if self.sent.is_some() && !delta.full && delta.items.is_empty() {
            return None;
        }
        self.sent = Some(delta.revision);
        Some(delta)
    }

    /// A bare revision, if it is news.
    pub fn mark(&mut self) -> Option<Revision> {
        if self.position <= self.sent {
            return None;
        }
        self.sent = self.position;
        self.sent
    }
}

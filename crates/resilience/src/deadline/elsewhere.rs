//! The deadline as databases and message brokers are told of it.

use std::time::{Instant, SystemTime};

use super::Deadline;

impl Deadline {
    /// PostgreSQL's `statement_timeout`, MySQL's `max_execution_time`: whole milliseconds, rounded down, but at least 1,
    /// because to both 0 means no limit; at most `i32::MAX`, which is PostgreSQL's. `None` once it is over: do not send
    /// the statement.
    pub fn statement_timeout_ms(self, now: Instant) -> Option<u32> {
        let left = self.remaining(now)?.as_millis();
        Some(u32::try_from(left).map_or(i32::MAX as u32, |left| left.clamp(1, i32::MAX as u32)))
    }

    /// When a message sent `now` is of no more use, in wall time, since it may be read on another machine and much later:
    /// receivers differ from it by the skew of their clocks.
    pub fn message_expiry(self, now: Instant, wall: SystemTime) -> SystemTime {
        let left = self.remaining(now).unwrap_or_default();
        wall.checked_add(left).unwrap_or(wall)
    }

    /// The deadline of a message that bears this expiry; one that has passed is over.
    pub fn from_message_expiry(expiry: SystemTime, now: Instant, wall: SystemTime) -> Self {
        Self::after(expiry.duration_since(wall).unwrap_or_default(), now)
    }
}

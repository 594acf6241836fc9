//! What a worker does beside its requests, a few times a second: hand over log lines, tell the date, close idle
//! upstream connections.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::Worker;
use crate::date;

const TICK: Duration = Duration::from_millis(500);

/// The `date` field of answers, right to the second or nearly so.
#[derive(Debug)]
pub(crate) struct DateCache(RefCell<String>);

impl DateCache {
    pub(super) fn new(now: SystemTime) -> Self {
        Self(RefCell::new(date::http(now)))
    }

    /// Lets `use_it` see the date.
    pub(crate) fn with<T>(&self, use_it: impl FnOnce(&str) -> T) -> T {
        use_it(&self.0.borrow())
    }

    fn refresh(&self, now: SystemTime) {
        self.0.replace(date::http(now));
    }
}

/// Runs for as long as the worker lives.
pub(super) async fn run(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        worker.shard().log_dropped.add(worker.log.flush());
        worker.date.refresh(worker.clock.wall());
        worker
            .pool
            .prune(worker.clock.now(), worker.config.timeouts.upstream_idle);
    }
}

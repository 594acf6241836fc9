//! Which jobs there are, from their submission to their end.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::{Error, Inner};
use crate::sync::atomic::{AtomicU64, Ordering};

/// Whether jobs are taken, how many there are, and whether those that are left are to end. A job is woken for its own
/// sake only: that others come and go is told to nobody but who waits for the last.
#[derive(Debug)]
pub(super) struct Roll {
    /// The lowest bit: closed. Above, how many there are.
    word: AtomicU64,
    /// Rung once: it is closed, and the last one has ended.
    idle: Notify,
    cancelled: watch::Sender<bool>,
}

/// A part of a job that there still is: its task, or the work itself, which on a thread of its own outlives its task.
pub(super) struct Present(Arc<Inner>);

/// A job, from its submission until it is told how it ended. One whose task is dropped before counts as cancelled.
pub(super) struct Submitted {
    present: Present,
    ended: bool,
}

const CLOSED: u64 = 1;
const ONE: u64 = 2;

impl Roll {
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            idle: Notify::new(),
            cancelled: watch::Sender::new(false),
        }
    }

    pub(super) fn close(&self) {
        self.word.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Until the last one has ended, once it is closed.
    pub(super) async fn idle(&self) {
        // A bell that is rung from here on is heard, and it is rung after the word was changed.
        let rung = self.idle.notified();
        if self.word.load(Ordering::Acquire) != CLOSED {
            rung.await;
        }
    }

    /// Tells all that are left to end.
    pub(super) fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    /// Until they are told so.
    pub(super) async fn cancelled(&self) {
        let mut told = self.cancelled.subscribe();
        drop(told.wait_for(|cancelled| *cancelled).await);
    }
}

impl Present {
    /// `None` if the pool takes no more.
    pub(super) fn of(inner: &Arc<Inner>) -> Option<Self> {
        let one_more = |word: u64| (word & CLOSED == 0).then_some(word + ONE);
        let word = &inner.roll.word;
        let taken = word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Self(inner.clone()))
    }

    pub(super) fn pool(&self) -> &Inner {
        &self.0
    }
}

/// Another part of a job that is there: it may begin although the pool is closed.
impl Clone for Present {
    fn clone(&self) -> Self {
        self.0.roll.word.fetch_add(ONE, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let before = self.0.roll.word.fetch_sub(ONE, Ordering::AcqRel);
        if before == ONE | CLOSED {
            self.0.roll.idle.notify_waiters();
        }
    }
}

impl Submitted {
    pub(super) fn new(present: Present) -> Self {
        Self { present, ended: false }
    }

    pub(super) fn present(&self) -> &Present {
        &self.present
    }

    /// Counts how it ended.
    pub(super) fn end<T>(mut self, result: &Result<T, Error>) {
        self.ended = true;
        let counts = &self.present.pool().counts;
        match result {
            Ok(_) => counts.done.add(),
            Err(Error::Panicked(_)) => counts.panicked.add(),
            Err(Error::Refused(_) | Error::Stopped(_)) => counts.late.add(),
            Err(Error::Cancelled) => counts.cancelled.add(),
        }
    }
}

impl Drop for Submitted {
    fn drop(&mut self) {
        if !self.ended {
            self.present.pool().counts.cancelled.add();
        }
    }
}

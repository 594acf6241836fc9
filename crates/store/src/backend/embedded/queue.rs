//! The requests that wait for the writer, bounded by the bytes they hold.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Error, Result};
use crate::types::{Lease, LeaseId, Revision, Txn, TxnResult};

/// Bytes that one permit stands for.
const UNIT: usize = 1 << 10;
/// What may wait, in units: 64 MiB.
const ROOM: usize = 64 << 10;
/// What one group takes, in units and in requests.
const GROUP_UNITS: usize = 8 << 10;
const GROUP_REQUESTS: usize = 4096;

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T>>;

/// What the writer can be asked for.
#[derive(Debug)]
pub(super) enum Request {
    Txn(Txn, Answer<TxnResult>),
    Grant(Duration, Answer<Lease>),
    Revoke(LeaseId, Answer<()>),
    Compact(Revision, Answer<()>),
    Tick(Answer<()>),
}

/// A request with the room that it takes in the queue until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) request: Request,
    pub(super) room: OwnedSemaphorePermit,
}

/// First in, first out.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    filled: Condvar,
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Waiting>,
    closed: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            filled: Condvar::new(),
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }
}

impl Queue {
    /// Hands a request of `bytes` bytes to the writer and waits for the answer.
    pub(super) async fn ask<T>(&self, bytes: usize, request: impl FnOnce(Answer<T>) -> Request) -> Result<T> {
        let units = u32::try_from(1 + bytes / UNIT).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(units).await;
        let room = room.map_err(|_| closed())?;
        let (answer, answered) = oneshot::channel();
        self.push(Waiting {
            request: request(answer),
            room,
        })?;
        match answered.await {
            Ok(result) => result,
            Err(_) => Err(Error::UnknownOutcome("the writer ended before it answered".into())),
        }
    }

    fn push(&self, waiting: Waiting) -> Result<()> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(closed());
        }
        inner.waiting.push_back(waiting);
        drop(inner);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes what waits, up to the size of a group; waits up to `patience` for something to come. Empty when nothing
    /// came, `None` when nothing will come any more.
    pub(super) fn take(&self, patience: Option<Duration>) -> Option<Vec<Waiting>> {
        let mut inner = self.inner.lock();
        if inner.waiting.is_empty() && !inner.closed {
            match patience {
                None => self.filled.wait(&mut inner),
                Some(patience) => drop(self.filled.wait_for(&mut inner, patience)),
            }
        }
        if inner.waiting.is_empty() && inner.closed {
            return None;
        }
        let mut units = 0;
        let group = inner.waiting.iter().take(GROUP_REQUESTS).take_while(|waiting| {
            let fits = units < GROUP_UNITS;
            units += waiting.room.num_permits();
            fits
        });
        let count = group.count();
        Some(inner.waiting.drain(..count).collect())
    }

    /// Takes no more requests; those that wait are still served.
    pub(super) fn close(&self) {
        self.inner.lock().closed = true;
        self.room.close();
        self.filled.notify_one();
    }

    /// Nobody serves the queue any more.
    pub(super) fn abandon(&self) {
        self.close();
        self.inner.lock().waiting.clear();
    }
}

pub(super) fn closed() -> Error {
    Error::Unavailable("it is closed".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(queue: &Queue, bytes: usize) -> impl Future<Output = Result<()>> {
        queue.ask(bytes, Request::Tick)
    }

    fn answer(group: Vec<Waiting>) {
        for waiting in group {
            if let Request::Tick(answer) = waiting.request {
                answer.send(Ok(())).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_group_is_bounded_and_answers_go_back() {
        let queue = Queue::default();
        let asked = async { tokio::join!(tick(&queue, 0), tick(&queue, 9 << 20), tick(&queue, 0)) };
        let served = async {
            let sizes: Vec<usize> = (0..2)
                .map(|_| {
                    let group = queue.take(None).unwrap();
                    let size = group.len();
                    answer(group);
                    size
                })
                .collect();
            assert_eq!(sizes, [2, 1]);
        };
        let (results, ()) = tokio::join!(asked, served);
        assert!(matches!(results, (Ok(()), Ok(()), Ok(()))));
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let queue = Queue::default();
        let first = async { tick(&queue, 60 << 20).await };
        let second = async { tick(&queue, 60 << 20).await };
        let served = async {
            let mut left = 2;
            while left > 0 {
                tokio::task::yield_now().await;
                let group = queue.take(Some(Duration::ZERO)).unwrap();
                assert!(group.len() <= 1, "both wait at once");
                left -= group.len();
                answer(group);
            }
        };
        let (a, b, ()) = tokio::join!(first, second, served);
        assert!(a.is_ok() && b.is_ok());
    }

    #[tokio::test]
    async fn a_closed_queue_serves_the_rest_and_an_abandoned_one_says_unknown() {
        let queue = Queue::default();
        let abandon = async {
            queue.close();
            assert_eq!(queue.take(None).unwrap().len(), 1);
            assert!(queue.take(None).is_none());
            queue.abandon();
        };
        let (asked, ()) = tokio::join!(tick(&queue, 0), abandon);
        assert!(matches!(asked, Err(Error::UnknownOutcome(_))));
        assert!(matches!(tick(&queue, 0).await, Err(Error::Unavailable(_))));
    }
}

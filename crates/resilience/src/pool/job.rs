//! A job as its submitter holds it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::Error;

/// A job, queued or under way. It is a future of its result; dropped before, it is cancelled.
#[derive(Debug)]
#[must_use = "a job that is dropped is cancelled: await it, or detach it"]
pub struct Job<T> {
    answer: oneshot::Receiver<Result<T, Error>>,
    keep: oneshot::Sender<()>,
}

impl<T> Job<T> {
    pub(super) fn new(answer: oneshot::Receiver<Result<T, Error>>, keep: oneshot::Sender<()>) -> Self {
        Self { answer, keep }
    }

    /// Lets it run although nobody waits for its result.
    pub fn detach(self) {
        let _ended_already = self.keep.send(());
    }
}

impl<T> Future for Job<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.answer).poll(cx);
        // The body is dropped without an answer only with its runtime.
        answer.map(|answer| answer.unwrap_or(Err(Error::Cancelled)))
    }
}

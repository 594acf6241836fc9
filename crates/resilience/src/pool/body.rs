//! What the task of a job does.

use std::any::Any;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use nines_model::Cause;
use tokio::sync::oneshot;

use super::count::Live;
use super::{Error, Inner, Place, Present};
use crate::deadline::{self, Deadline};
use crate::layer::{Panicked, Stopped, now};

/// A job's name, its deadline and its place.
pub(super) struct Term {
    pub(super) name: &'static str,
    pub(super) deadline: Option<Deadline>,
    pub(super) place: Place,
}

/// Works, until the caller gives it up or the pool ends.
pub(super) async fn body<F, T>(
    present: Present,
    term: Term,
    work: impl FnOnce(Live) -> F,
    answer: oneshot::Sender<Result<T, Error>>,
    kept: oneshot::Receiver<()>,
) where
    F: Future<Output = Result<T, Error>>,
{
    let inner = present.0.clone();
    let mut phase = inner.phase.subscribe();
    let result = tokio::select! {
        biased;
        () = given_up(kept) => Err(Error::Cancelled),
        _ended = phase.wait_for(|phase| phase.cancelled) => Err(Error::Cancelled),
        result = in_turn(&inner, term, work) => result,
    };
    count(&inner, &result);
    // Whoever hears of the end finds it counted, and its place free.
    drop(present);
    let _nobody_waits = answer.send(result);
}

/// An async job, whose panic ends nothing else. Boxed, so that the task of a job that waits is no larger than it must be.
pub(super) async fn run<F: Future>(live: Live, work: impl FnOnce() -> F) -> Result<F::Output, Error> {
    let panicked = |payload: Box<dyn Any + Send>| Error::Panicked(Panicked::from_payload(&*payload));
    let result = match catch_unwind(AssertUnwindSafe(|| Box::pin(work()))) {
        Ok(mut work) => {
            poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
                Ok(polled) => polled.map(Ok),
                Err(payload) => Poll::Ready(Err(panicked(payload))),
            })
            .await
        }
        Err(payload) => Err(panicked(payload)),
    };
    drop(live);
    result
}

/// A blocking job. Its place goes with it to its thread, because there it goes on, whoever gives it up.
pub(super) async fn run_blocking<T: Send + 'static>(
    live: Live,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let on_its_thread = move || {
        let _live = live;
        catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Panicked::from_payload(&*payload))
    };
    match tokio::task::spawn_blocking(on_its_thread).await {
        Ok(result) => result.map_err(Error::Panicked),
        Err(_the_runtime_ended) => Err(Error::Cancelled),
    }
}

/// Waits for its turn, and then no longer than it may.
async fn in_turn<F, T>(inner: &Arc<Inner>, term: Term, work: impl FnOnce(Live) -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let held = match term.place {
        Place::In(held) => held,
        Place::Queued(mut entering) => poll_fn(|cx| entering.as_mut().poll(cx)).await.map_err(Error::Refused)?,
    };
    let work = work(Live::enter(inner, term.name, held));
    let Some(deadline) = term.deadline else {
        return work.await;
    };
    let begun = now();
    deadline::within(deadline, work).await.unwrap_or_else(|_over| {
        let given = deadline.instant().saturating_duration_since(begun);
        let took = now().saturating_duration_since(begun);
        let name = &inner.slots.name;
        Err(Error::Stopped(Stopped::after(
            took,
            given,
            Cause::DeadlineExceeded,
            name,
        )))
    })
}

/// When the keeper is dropped, unless it was sent before.
async fn given_up(kept: oneshot::Receiver<()>) {
    if kept.await.is_ok() {
        pending::<()>().await;
    }
}

fn count<T>(inner: &Inner, result: &Result<T, Error>) {
    let counts = &inner.counts;
    match result {
        Ok(_) => counts.done.add(),
        Err(Error::Panicked(_)) => counts.panicked.add(),
        Err(Error::Refused(_) | Error::Stopped(_)) => counts.late.add(),
        Err(Error::Cancelled) => counts.cancelled.add(),
    }
}

//! What the task of a job does.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::time::Instant;

use nines_model::Cause;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinError};

use super::caught::Caught;
use super::count::Live;
use super::present::{Present, Submitted};
use super::{Error, Place};
use crate::deadline::{self, Deadline};
use crate::layer::{Panicked, Stopped, now};

/// A job's name, its deadline and its place.
pub(super) struct Term {
    pub(super) name: &'static str,
    pub(super) deadline: Option<Deadline>,
    pub(super) place: Place,
}

/// Works, until the caller gives it up or the pool ends, and tells how it ended.
#[expect(clippy::manual_async_fn, reason = "an async fn keeps what it is given twice")]
pub(super) fn body<F, T>(
    submitted: Submitted,
    term: Term,
    work: impl FnOnce(Live) -> F + Send,
    answer: oneshot::Sender<Result<T, Error>>,
    mut kept: oneshot::Receiver<()>,
) -> impl Future<Output = ()> + Send
where
    F: Future<Output = Result<T, Error>> + Send,
    T: Send,
{
    async move {
        let result = {
            let present = submitted.present();
            let mut turn = pin!(Caught::new(in_turn(present, term, work)));
            let result = tokio::select! {
                biased;
                () = given_up(&mut kept) => Err(Error::Cancelled),
                () = present.pool().roll.cancelled() => Err(Error::Cancelled),
                result = turn.as_mut() => result.unwrap_or_else(|panicked| Err(Error::Panicked(panicked))),
            };
            turn.end().map_err(Error::Panicked).and(result)
        };
        // Whoever hears of the end finds it counted, and its place free.
        submitted.end(&result);
        let _nobody_waits = answer.send(result);
    }
}

/// An async job. Boxed, so that the task of a job that waits is no larger than it must be.
pub(super) async fn run<F: Future>(live: Live, work: impl FnOnce() -> F) -> Result<F::Output, Error> {
    let output = Box::pin(work()).await;
    drop(live);
    Ok(output)
}

/// A blocking job. Its place goes with it to its thread, because there it goes on, whoever gives it up; given up before
/// there was a thread for it, it does not begin.
pub(super) async fn run_blocking<T: Send + 'static>(
    live: Live,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let deadline = deadline::current();
    let on_its_thread = tokio::task::spawn_blocking(move || {
        let _live = live;
        match deadline {
            Some(deadline) => deadline::sync_scope(deadline, work),
            None => work(),
        }
    });
    let _given_up = GivenUp(on_its_thread.abort_handle());
    on_its_thread.await.map_err(not_done)
}

/// Takes a blocking job out of the queue for threads when its task is dropped. One that has begun it cannot stop.
struct GivenUp(AbortHandle);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn not_done(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(payload) => Error::Panicked(Panicked::from_payload(&*payload)),
        Err(_the_runtime_ended) => Error::Cancelled,
    }
}

/// Waits for its turn, and then no longer than it may.
#[expect(clippy::manual_async_fn, reason = "an async fn keeps what it is given twice")]
fn in_turn<F, T>(
    present: &Present,
    term: Term,
    work: impl FnOnce(Live) -> F + Send,
) -> impl Future<Output = Result<T, Error>> + Send
where
    F: Future<Output = Result<T, Error>> + Send,
{
    async move {
        let held = match term.place {
            Place::In(held) => held,
            Place::Queued(mut entering) => poll_fn(|cx| entering.as_mut().poll(cx)).await.map_err(Error::Refused)?,
        };
        // Its task may run much later than it was spawned.
        present.pool().in_time(term.deadline).map_err(Error::Refused)?;
        let work = work(Live::enter(present.clone(), term.name, held));
        let Some(deadline) = term.deadline else {
            return work.await;
        };
        let begun = now();
        let done = deadline::within(deadline, work).await;
        done.unwrap_or_else(|_over| Err(stopped(present, deadline, begun)))
    }
}

fn stopped(present: &Present, deadline: Deadline, begun: Instant) -> Error {
    let given = deadline.instant().saturating_duration_since(begun);
    let took = now().saturating_duration_since(begun);
    let name = &present.pool().slots.name;
    Error::Stopped(Stopped::after(took, given, Cause::DeadlineExceeded, name))
}

/// When the keeper is dropped, unless it was sent before.
async fn given_up(kept: &mut oneshot::Receiver<()>) {
    if kept.await.is_ok() {
        pending::<()>().await;
    }
}

//! The deadline of a tokio task.

use std::future::Future;

use nines_base::{Kind, Retry};
use tokio::task::futures::TaskLocalFuture;

use super::Deadline;

tokio::task_local! {
    static CURRENT: Deadline;
}

/// A future with a deadline in force, of [`scope`].
pub type Scope<F> = TaskLocalFuture<Deadline, F>;

/// The deadline passed before the work was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed before the work was done")]
pub struct Over;

impl Over {
    /// The time was up.
    pub fn kind(&self) -> Kind {
        Kind::DeadlineExceeded
    }

    /// The work may have been done in part.
    pub fn retry(&self) -> Retry {
        Retry::Unknown
    }
}

/// Runs `future` with the deadline in force, or with the one around it if that is earlier. It does not end the future:
/// [`within`] does. Tasks that the future spawns do not inherit it.
pub fn scope<F: Future>(deadline: Deadline, future: F) -> Scope<F> {
    let earliest = current().map_or(deadline, |outer| deadline.earlier(outer));
    CURRENT.scope(earliest, future)
}

/// Runs `work` with the deadline in force, or with the one around it if that is earlier.
pub fn sync_scope<T>(deadline: Deadline, work: impl FnOnce() -> T) -> T {
    let earliest = current().map_or(deadline, |outer| deadline.earlier(outer));
    CURRENT.sync_scope(earliest, work)
}

/// The deadline in force.
pub fn current() -> Option<Deadline> {
    CURRENT.try_get().ok()
}

/// Runs `future` with the deadline in force, and drops it when the deadline passes. It needs a tokio runtime with its
/// timer switched on.
pub async fn within<F: Future>(deadline: Deadline, future: F) -> Result<F::Output, Over> {
    let earliest = current().map_or(deadline, |outer| deadline.earlier(outer));
    let at = tokio::time::Instant::from_std(earliest.instant());
    tokio::time::timeout_at(at, scope(earliest, future))
        .await
        .map_err(|_elapsed| Over)
}

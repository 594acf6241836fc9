//! Long polls: bounded in time and number, released when the server stops.

use std::future::Future;
use std::time::Duration;

use nines_model::{ConfigKey, Interest, Revision};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use super::error::{Failure, Result};
use crate::error::Error;
use crate::mirror::Mirror;

/// Longest wait of one poll.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// Polls that may wait at one time on one server.
pub(super) const MAX_POLLS: usize = 10_000;

/// `?revision=N&wait=30s`: answers when something is newer than revision N, and when the wait is over.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PollQuery {
    /// What the caller has seen.
    pub(super) revision: Option<u64>,
    /// How long to wait for something newer, at most `5m`.
    #[serde(default, with = "nines_base::duration::optional")]
    #[param(value_type = Option<String>, example = "30s")]
    pub(super) wait: Option<Duration>,
}

/// The waiting requests.
#[derive(Debug)]
pub(super) struct Polls {
    max: usize,
    slots: Semaphore,
    stopping: CancellationToken,
}

impl PollQuery {
    /// What to wait for and how long, if the caller wants to wait at all.
    pub(super) fn waiting(&self) -> Result<Option<(Revision, Duration)>> {
        let Some(wait) = self.wait else { return Ok(None) };
        if wait > MAX_WAIT {
            return Err(Failure::invalid(
                "wait",
                "a poll waits at most 5m; poll again after that",
            ));
        }
        let Some(revision) = self.revision else {
            return Err(Failure::invalid(
                "revision",
                "wait needs revision: give the one of your last answer",
            ));
        };
        Ok(Some((revision, wait)))
    }
}

impl Polls {
    /// At most `max` at one time; `stopping` releases them.
    pub(super) fn new(max: usize, stopping: CancellationToken) -> Self {
        Self {
            max,
            slots: Semaphore::new(max),
            stopping,
        }
    }

    /// Holds the request until `change` comes, the wait is over or the server stops; whoever waits then answers with
    /// what there is.
    pub(super) async fn hold<T>(&self, change: impl Future<Output = T>, wait: Duration) -> Result<()> {
        let full = |_| {
            Error::Exhausted(format!(
                "{} long polls are waiting already; ask without wait, or subscribe by gRPC",
                self.max
            ))
        };
        let _slot = self.slots.try_acquire().map_err(full)?;
        tokio::select! {
            _ = change => Ok(()),
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.stopping.cancelled() => Ok(()),
        }
    }
}

/// Ends when the item has changed after `seen`, or when nobody can tell any more.
pub(super) async fn config_change(mirror: &Mirror, key: &ConfigKey, seen: Revision) {
    let interest = Interest {
        configs: [key.clone()].into(),
        ..Interest::default()
    };
    let watcher = mirror.watch(interest);
    mirror.reached(seen).await;
    loop {
        let delta = mirror.delta(watcher.interest(), Some(seen));
        if delta.full || !delta.items.is_empty() {
            return;
        }
        watcher.woken().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use futures_util::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn polls_are_bounded_and_a_slot_comes_back() {
        let polls = Polls::new(1, CancellationToken::new());
        let mut first = Box::pin(polls.hold(std::future::pending::<()>(), MAX_WAIT));
        assert!(first.as_mut().now_or_never().is_none());
        let refused = polls.hold(async {}, MAX_WAIT).await.unwrap_err();
        assert_eq!(refused.into_response().status(), 429);
        drop(first);
        polls.hold(async {}, MAX_WAIT).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_ends_with_its_wait_and_with_the_server() {
        let stopping = CancellationToken::new();
        let polls = Polls::new(1, stopping.clone());
        let start = tokio::time::Instant::now();
        polls
            .hold(std::future::pending::<()>(), Duration::from_secs(30))
            .await
            .unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(30));
        stopping.cancel();
        polls.hold(std::future::pending::<()>(), MAX_WAIT).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(30));
    }
}

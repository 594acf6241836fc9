//! The tasks of a process: each has a name, none is lost, all end together.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A set of named tasks with one stop signal. Clones share the set.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stopping: CancellationToken,
    aborting: CancellationToken,
    tracker: TaskTracker,
    live: Mutex<BTreeMap<&'static str, usize>>,
    panics: AtomicU64,
}

/// How a drain went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainReport {
    /// Names and numbers of the tasks that the deadline cut off.
    pub aborted: BTreeMap<&'static str, usize>,
}

impl Tasks {
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the process is to end. A task that runs for ever waits for it and then finishes by itself.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Asks every task to end.
    pub fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// Runs `future` under a name. A panic is counted and logged with the name, and ends nothing else. The handle
    /// may be dropped: the set keeps the task.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let shared = self.0.clone();
        let live = Live::enter(&shared, name);
        self.0.tracker.spawn(async move {
            let _live = live;
            let guarded = AssertUnwindSafe(future).catch_unwind();
            tokio::select! {
                result = guarded => result.map_err(|_| shared.count_panic(name)).ok(),
                () = shared.aborting.cancelled() => None,
            }
        })
    }

    /// As [`Tasks::spawn`], for a task the process cannot live without: when it ends, in whatever way, the set stops.
    pub fn spawn_vital<F>(&self, name: &'static str, future: F) -> JoinHandle<Option<()>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.0.stopping.clone();
        let guard = stop.clone().drop_guard();
        self.spawn(name, async move {
            let _guard = guard;
            future.await;
            if !stop.is_cancelled() {
                tracing::error!(task = name, "a task the process needs has ended; stopping");
            }
        })
    }

    /// Stops, waits for every task until the deadline, then aborts what is left and says what it was.
    pub async fn drain(&self, deadline: Duration) -> DrainReport {
        self.stop();
        self.0.tracker.close();
        let in_time = tokio::time::timeout(deadline, self.0.tracker.wait()).await.is_ok();
        let aborted = if in_time { BTreeMap::new() } else { self.live() };
        self.0.aborting.cancel();
        DrainReport { aborted }
    }

    /// How many tasks of each name are running.
    pub fn live(&self) -> BTreeMap<&'static str, usize> {
        self.0.live.lock().clone()
    }

    /// How many tasks have panicked.
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn count_panic(&self, name: &'static str) {
        self.panics.fetch_add(1, Ordering::Relaxed);
        tracing::error!(task = name, "a task panicked");
    }
}

/// Counts a task for as long as it exists, also when it is dropped before its first poll.
struct Live {
    shared: Arc<Shared>,
    name: &'static str,
}

impl Live {
    fn enter(shared: &Arc<Shared>, name: &'static str) -> Self {
        *shared.live.lock().entry(name).or_default() += 1;
        Self {
            shared: shared.clone(),
            name,
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let mut live = self.shared.live.lock();
        let left = live.get(self.name).map_or(0, |count| count - 1);
        if left == 0 {
            live.remove(self.name);
        } else {
            live.insert(self.name, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_drain_waits_for_tasks_that_finish() {
        let tasks = Tasks::new();
        let stopping = tasks.stopping();
        tasks.spawn("polite", async move { stopping.cancelled().await });
        assert_eq!(tasks.live().get("polite"), Some(&1));
        let report = tasks.drain(Duration::from_secs(5)).await;
        assert!(report.aborted.is_empty());
        assert!(tasks.live().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_names_what_it_aborts() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", std::future::pending::<()>());
        let report = tasks.drain(Duration::from_secs(5)).await;
        assert_eq!(report.aborted, BTreeMap::from([("deaf", 1)]));
    }

    #[tokio::test]
    async fn a_panic_is_counted_and_ends_nothing_else() {
        let tasks = Tasks::new();
        let handle = tasks.spawn("broken", async { panic!("on purpose") });
        assert_eq!(handle.await.expect("the wrapper does not panic"), None);
        assert_eq!(tasks.panics(), 1);
        assert!(!tasks.stopping().is_cancelled());
    }

    #[tokio::test]
    async fn the_end_of_a_vital_task_stops_the_set() {
        for panics in [false, true] {
            let tasks = Tasks::new();
            tasks.spawn_vital("heart", async move { assert!(!panics, "on purpose") });
            tasks.stopping().cancelled().await;
        }
    }
}

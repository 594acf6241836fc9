//! What every process of the stack is doing, for whoever wants to see it or waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

/// The states of all processes. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Board(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    rows: Mutex<BTreeMap<String, Row>>,
    messages: Mutex<Vec<String>>,
    changes: watch::Sender<u64>,
}

/// One process.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The service of the stack it belongs to.
    pub(crate) group: String,
    pub(crate) state: State,
    pub(crate) pid: Option<u32>,
    pub(crate) port: Option<u16>,
    pub(crate) restarts: u32,
    /// Why it is in this state, if that needs saying.
    pub(crate) note: Option<String>,
}

/// Where a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Waiting,
    Starting,
    Ready,
    Backoff,
    CrashLoop,
    Stopping,
    /// Ended well, and its restart policy leaves it at that: whoever depends on it may start.
    Done,
    Ended,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Starting => "starting",
            State::Ready => "ready",
            State::Backoff => "backoff",
            State::CrashLoop => "crash-loop",
            State::Stopping => "stopping",
            State::Done => "done",
            State::Ended => "ended",
        }
    }

    /// Whether it does, or has done, what it is there for.
    pub(crate) fn is_well(self) -> bool {
        matches!(self, State::Ready | State::Done)
    }
}

impl Board {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            rows: Mutex::default(),
            messages: Mutex::default(),
            changes: watch::Sender::new(0),
        }))
    }

    /// Changes one process's row and tells everybody.
    pub(crate) fn set(&self, process: &str, row: Row) {
        self.0.rows.lock().insert(process.into(), row);
        self.0.changes.send_modify(|version| *version += 1);
    }

    /// Tells the user something; it stands below the table.
    pub(crate) fn say(&self, message: &str) {
        self.0.messages.lock().push(message.into());
        self.0.changes.send_modify(|version| *version += 1);
    }

    /// Everything said so far.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.0.messages.lock().clone()
    }

    pub(crate) fn rows(&self) -> BTreeMap<String, Row> {
        self.0.rows.lock().clone()
    }

    /// Wakes at every change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Waits until the rows are as `condition` wants them.
    pub(crate) async fn until(&self, condition: impl Fn(&BTreeMap<String, Row>) -> bool) {
        let mut changes = self.changes();
        loop {
            changes.borrow_and_update();
            if condition(&self.0.rows.lock()) {
                return;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until every process of these groups is ready, or has done its work.
    pub(crate) async fn until_ready(&self, groups: &[String]) {
        self.until(|rows| {
            groups.iter().all(|group| {
                let mut members = rows.values().filter(|row| row.group == *group).peekable();
                members.peek().is_some() && members.all(|row| row.state.is_well())
            })
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(group: &str, state: State) -> Row {
        Row {
            group: group.into(),
            state,
            pid: None,
            port: None,
            restarts: 0,
            note: None,
        }
    }

    #[tokio::test]
    async fn a_group_is_ready_when_all_of_it_is() {
        let board = Board::new();
        board.set("a-1", row("a", State::Ready));
        board.set("a-2", row("a", State::Starting));
        let groups = ["a".to_string()];
        let mut waiting = Box::pin(board.until_ready(&groups));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        board.set("a-2", row("a", State::Ready));
        waiting.await;
    }

    #[tokio::test]
    async fn a_job_counts_once_it_has_ended_well() {
        let board = Board::new();
        let groups = ["job".to_string()];
        let mut waiting = Box::pin(board.until_ready(&groups));
        board.set("job-1", row("job", State::Ended));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        board.set("job-1", row("job", State::Done));
        waiting.await;
    }

    #[tokio::test]
    async fn a_group_without_processes_is_not_ready() {
        let board = Board::new();
        let groups = ["a".to_string()];
        assert!(futures_util::poll!(Box::pin(board.until_ready(&groups))).is_pending());
    }
}

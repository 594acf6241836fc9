//! Sees to it that nothing outlives a supervisor that was killed.
//!
//! The kernel's parent-death signal reaches the program alone: neither what the program has started nor a program that
//! ignores SIGTERM. So the supervisor tells a second process, the guardian, of each process group that it starts and
//! ends. The pipe between them closes with the supervisor, however that dies; the guardian then ends what is left.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::signal::Signal;
use parking_lot::Mutex;

use super::group;

/// How often the guardian looks whether a group has gone.
const LOOK: Duration = Duration::from_millis(20);

/// The supervisor's end: a running guardian.
#[derive(Debug)]
pub(crate) struct Guardian {
    child: Child,
    /// Taken by the end.
    told: Mutex<Option<ChildStdin>>,
}

/// Groups by their first process, each with its time from SIGTERM to SIGKILL.
type Groups = BTreeMap<u32, Duration>;

impl Guardian {
    /// Starts it from the `nines` binary, in a group of its own: a Ctrl-C or a closed terminal is not for it.
    pub(crate) fn start(nines: &Path) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;
        let mut child = Command::new(nines)
            .arg("guardian")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let told = Mutex::new(child.stdin.take());
        Ok(Self { child, told })
    }

    /// Entrusts a group to it.
    pub(crate) fn watch(&self, pid: u32, patience: Duration) {
        self.tell(&format!("+ {pid} {}\n", patience.as_millis()));
    }

    /// The group has ended.
    pub(crate) fn forget(&self, pid: u32) {
        self.tell(&format!("- {pid}\n"));
    }

    fn tell(&self, line: &str) {
        if let Some(told) = &mut *self.told.lock()
            && let Err(error) = told.write_all(line.as_bytes())
        {
            tracing::warn!(%error, "the guardian is gone; what is left if nines up is killed ends by SIGTERM alone");
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        *self.told.lock() = None;
        if let Err(error) = self.child.wait() {
            tracing::warn!(%error, "cannot wait for the guardian");
        }
    }
}

/// The guardian's end: listens until the supervisor is gone, and gives what it left.
pub(crate) fn until_orphaned(input: impl BufRead) -> Groups {
    let mut groups = Groups::new();
    for line in input.lines().map_while(Result::ok) {
        note(&mut groups, &line);
    }
    groups
}

/// A line that broke off with the supervisor says nothing.
fn note(groups: &mut Groups, line: &str) -> Option<()> {
    let mut words = line.split(' ');
    let (sign, pid) = (words.next()?, words.next()?.parse().ok()?);
    if sign == "+" {
        groups.insert(pid, Duration::from_millis(words.next()?.parse().ok()?));
    } else {
        groups.remove(&pid);
    }
    Some(())
}

/// Ends the groups as the supervisor would have: SIGTERM, their time, SIGKILL.
pub(crate) async fn end(groups: Groups) {
    let ends = groups.into_iter().map(|(pid, patience)| async move {
        group::signal(pid, Signal::SIGTERM);
        if tokio::time::timeout(patience, gone(pid)).await.is_err() {
            group::signal(pid, Signal::SIGKILL);
        }
    });
    join_all(ends).await;
}

async fn gone(pid: u32) {
    let mut look = tokio::time::interval(LOOK);
    while group::exists(pid) {
        look.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_started_and_did_not_end_is_left() {
        let told = "+ 11 35000\n+ 12 500\n- 11\n+ 13 1000\n- 14\n+ 15";
        let left = [(12, Duration::from_millis(500)), (13, Duration::from_secs(1))];
        assert_eq!(until_orphaned(told.as_bytes()), left.into());
    }
}

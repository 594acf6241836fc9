//! What happens when the disk refuses a group.
//!
//! The engine takes no writes after a failed one until the file is opened again, and a group whose commit failed may
//! be on disk all the same. So: open the file again and look. If the group is not there, nothing was done and the
//! callers are told so; if it is there, it is published, and the callers are told that the outcome is unknown, because
//! the sync did not vouch for it. While the file cannot be opened, reads of the newest state go on from memory and
//! every write is refused.

use std::time::{Duration, Instant};

use super::{Changes, Reply, Request, Waiting, Writer, tell};
use crate::error::{Error, Result};

/// Pause between two tries to open the file again, and before an end of a lease is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Pause between two tries whether a disk that refused a group takes writes again, when nobody writes.
const PROBE: Duration = Duration::from_secs(1);

/// The file could not be opened again yet.
pub(super) struct Broken {
    /// The group whose fate is open.
    changes: Changes,
    error: Error,
    retry_at: Instant,
}

impl Writer {
    /// A group failed: find out what the file has, then tell the callers.
    pub(super) fn fail(&mut self, error: Error, changes: Changes, replies: Vec<Reply>) {
        self.shared.config.metrics.failures.inc();
        tracing::error!(%error, "a group of writes failed");
        self.shared.trouble.send_replace(Some(error.to_string()));
        let verdict = match self.look_again(&changes) {
            Ok(true) => Err(unknown(&error)),
            Ok(false) => Err(not_done(error)),
            Err(reopen) => {
                tracing::error!(error = %reopen, "the store cannot be opened again; it refuses writes until it can");
                let retry_at = self.shared.config.clock.now() + RETRY;
                self.broken = Some(Broken {
                    changes,
                    error: reopen,
                    retry_at,
                });
                Err(unknown(&error))
            }
        };
        self.probe_at = Some(self.shared.config.clock.now() + PROBE);
        replies.into_iter().for_each(|reply| reply(verdict.clone()));
        self.ticks.drain(..).for_each(|answer| tell(answer, verdict.clone()));
    }

    /// Tries to get a broken store going again; an error is the reason to refuse writes.
    pub(super) fn mend(&mut self) -> Result<()> {
        let now = self.shared.config.clock.now();
        let Some(mut broken) = self.broken.take() else {
            return Ok(());
        };
        if now >= broken.retry_at {
            match self.look_again(&broken.changes) {
                Ok(_) => {
                    tracing::info!("the store takes writes again");
                    return Ok(());
                }
                Err(error) => (broken.error, broken.retry_at) = (error, now + RETRY),
            }
        }
        let error = Error::Unavailable(format!("{}; nothing is written until that is repaired", broken.error));
        self.broken = Some(broken);
        Err(error)
    }

    /// A disk that refused a group is asked again from time to time: without it nobody might write who could find out.
    pub(super) fn probe(&mut self) {
        let now = self.shared.config.clock.now();
        if self.broken.is_some() || self.probe_at.is_none_or(|at| now < at) {
            return;
        }
        match self.shared.table.probe() {
            Ok(()) => self.well(),
            Err(error) => self.fail(error, Changes::default(), Vec::new()),
        }
    }

    /// The disk took a write.
    pub(super) fn well(&mut self) {
        if self.probe_at.take().is_some() {
            tracing::info!("the disk takes writes again");
            self.shared.trouble.send_replace(None);
        }
    }

    pub(super) fn refuse(&mut self, group: Vec<Waiting>, error: &Error) {
        for waiting in group {
            match waiting.request {
                Request::Txn(_, answer) => tell(answer, Err(error.clone())),
                Request::Grant(_, answer) => tell(answer, Err(error.clone())),
                Request::Revoke(_, answer) | Request::Compact(_, answer) | Request::Tick(answer) => {
                    tell(answer, Err(error.clone()));
                }
            }
        }
    }

    /// Opens the file again and brings memory in line with it. Answers whether the group is in it.
    fn look_again(&mut self, changes: &Changes) -> Result<bool> {
        self.shared.table.reopen()?;
        let landed = self.shared.table.landed(changes)?;
        if landed {
            self.publish(changes, None);
        } else {
            let at = self.shared.config.clock.now() + RETRY;
            let mut leases = self.shared.leases.lock();
            changes.revoked.iter().for_each(|id| leases.retry(*id, at));
        }
        Ok(landed)
    }
}

fn unknown(error: &Error) -> Error {
    Error::UnknownOutcome(error.to_string())
}

fn not_done(error: Error) -> Error {
    match error {
        Error::Io { action, path, reason } => {
            let reason = format!("{reason}; nothing was written, the store goes on when the disk takes writes again");
            Error::Io { action, path, reason }
        }
        other => other,
    }
}

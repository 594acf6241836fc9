//! The one thread that writes: takes what waits, runs it, syncs it, publishes it, answers.

mod recover;

use std::sync::Arc;
use std::time::{Duration, Instant};

use nines_base::Rng;

use super::config::Config;
use super::dir::Hold;
use super::group::{Changes, Group};
use super::queue::{Answer, Request, Waiting};
use super::shared::Shared;
use super::state::Garbage;
use crate::error::{Error, Result};
use crate::types::{Lease, LeaseId};
use recover::Broken;

/// Leases whose end shares one commit; more than these wait for the next.
const EXPIRE_AT_ONCE: usize = 1024;
/// Changes that a compaction looks at between two groups.
const CLEAN_AT_ONCE: usize = 512;
/// The longest sleep while there is something to time. The clock may be a test's, which wakes nobody.
const NAP: Duration = Duration::from_millis(100);

/// The writer and what only it has.
pub(super) struct Writer {
    shared: Arc<Shared>,
    rng: Rng,
    /// Who waits for all timed work to be done.
    ticks: Vec<Answer<()>>,
    broken: Option<Broken>,
    /// When to see whether the disk takes writes again; nothing while it does.
    probe_at: Option<Instant>,
    _hold: Hold,
}

/// Tells a caller how it went, once the fate of its group is known.
type Reply = Box<dyn FnOnce(Result<()>)>;

/// However the writer ends, nobody waits for it in vain.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.queue.abandon();
        self.0.table.close();
        self.0.hub.close();
    }
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, hold: Hold) -> Self {
        Self {
            shared,
            rng: Rng::from_entropy(),
            ticks: Vec::new(),
            broken: None,
            probe_at: None,
            _hold: hold,
        }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _ending = Ending(self.shared.clone());
        while let Some(group) = self.shared.queue.take(self.patience()) {
            self.serve(group);
        }
    }

    /// How long to wait for requests before looking at the time.
    fn patience(&self) -> Option<Duration> {
        if self.broken.is_some() || self.probe_at.is_some() {
            return Some(NAP);
        }
        if !self.ticks.is_empty() || self.shared.state.read().has_garbage() {
            return Some(Duration::ZERO);
        }
        let next = self.shared.leases.lock().next()?;
        Some(next.saturating_duration_since(self.shared.config.clock.now()).min(NAP))
    }

    fn serve(&mut self, group: Vec<Waiting>) {
        if let Err(error) = self.mend() {
            self.refuse(group, &error);
            return;
        }
        let (requests, room): (Vec<_>, Vec<_>) = group.into_iter().map(|w| (w.request, w.room)).unzip();
        let size = requests.len();
        let (changes, garbage, replies) = self.run_group(requests);
        if changes.is_empty() && garbage.is_none() {
            replies.into_iter().for_each(|reply| reply(Ok(())));
        } else {
            self.commit(changes, garbage.as_ref(), replies, size);
        }
        self.probe();
        self.answer_ticks();
        drop(room);
    }

    /// Runs the requests over the published state, after the leases whose time is over.
    fn run_group(&mut self, requests: Vec<Request>) -> (Changes, Option<Garbage>, Vec<Reply>) {
        let shared = self.shared.clone();
        let state = shared.state.read();
        let expired = shared.leases.lock().expire(shared.config.clock.now(), EXPIRE_AT_ONCE);
        let mut group = Group::new(&state, &shared.table, shared.config.max_bytes);
        for id in expired {
            group.revoke(id);
        }
        let replies = requests
            .into_iter()
            .filter_map(|request| self.run_request(request, &mut group))
            .collect();
        let garbage = state.has_garbage().then(|| state.garbage(CLEAN_AT_ONCE));
        let keep = shared.config.retention;
        if let Some(target) = state.overdue(keep.revisions, keep.bytes)
            && let Err(error) = group.compact(target)
        {
            tracing::debug!(%error, "somebody else compacted further");
        }
        (group.into_changes(), garbage, replies)
    }

    fn run_request(&mut self, request: Request, group: &mut Group<'_>) -> Option<Reply> {
        let lives = |id| self.shared.leases.lock().lives(id);
        Some(match request {
            Request::Txn(txn, answer) => reply(answer, group.txn(&txn, lives)),
            Request::Compact(to, answer) => reply(answer, group.compact(to)),
            Request::Revoke(id, answer) if group.knows_lease(id, lives) => {
                group.revoke(id);
                reply(answer, Ok(()))
            }
            Request::Revoke(id, answer) => reply(answer, Err(Error::LeaseNotFound(id))),
            Request::Grant(ttl, answer) => {
                let id = self.new_lease(group);
                group.grant(id, ttl);
                reply(answer, Ok(Lease { id, ttl }))
            }
            Request::Tick(answer) => {
                self.ticks.push(answer);
                return None;
            }
        })
    }

    /// A name that no lease has. 63 random bits, so that a name is not given twice, not even after a restart.
    fn new_lease(&mut self, group: &Group<'_>) -> LeaseId {
        loop {
            let id = LeaseId((self.rng.next_u64() >> 1).cast_signed());
            let known = group.knows_lease(id, |id| self.shared.leases.lock().contains(id));
            if id != LeaseId::NONE && !known {
                return id;
            }
        }
    }

    fn commit(&mut self, changes: Changes, garbage: Option<&Garbage>, replies: Vec<Reply>, size: usize) {
        let start = self.shared.config.clock.now();
        match self.shared.table.commit(&changes, garbage) {
            Ok(()) => {
                self.publish(&changes, garbage);
                self.well();
                let Config { clock, metrics, .. } = &self.shared.config;
                metrics.commits.inc();
                metrics.group_size.observe(size as f64);
                metrics.commit_seconds.observe((clock.now() - start).as_secs_f64());
                replies.into_iter().for_each(|reply| reply(Ok(())));
            }
            Err(error) => self.fail(error, changes, replies),
        }
    }

    /// Makes what is on disk visible: first to reads, then to watches.
    fn publish(&self, changes: &Changes, garbage: Option<&Garbage>) {
        let shared = &self.shared;
        let mut state = shared.state.write();
        for (at, event) in changes.rows() {
            state.apply(event, at);
        }
        if let Some(garbage) = garbage {
            state.forget(garbage);
        }
        state.compacted = changes.compacted.unwrap_or(state.compacted);
        drop(state);
        let mut log = shared.log.write();
        changes.commits.iter().for_each(|commit| log.push(commit.clone()));
        drop(log);
        self.publish_leases(changes, shared.config.clock.now());
        shared.hub.publish(&changes.commits);
        shared.gauge();
    }

    fn publish_leases(&self, changes: &Changes, now: Instant) {
        let mut leases = self.shared.leases.lock();
        for (id, ttl) in &changes.granted {
            leases.grant(*id, *ttl, now);
        }
        changes.revoked.iter().for_each(|id| leases.remove(*id));
    }

    fn answer_ticks(&mut self) {
        let due = self.shared.leases.lock().next();
        let due = due.is_some_and(|next| next <= self.shared.config.clock.now());
        if due || self.broken.is_some() || self.shared.state.read().has_garbage() {
            return;
        }
        self.ticks.drain(..).for_each(|answer| tell(answer, Ok(())));
    }
}

/// The caller's own result, unless the group as a whole failed.
fn reply<T: 'static>(answer: Answer<T>, result: Result<T>) -> Reply {
    Box::new(move |group| tell(answer, result.and_then(|value| group.map(|()| value))))
}

/// A caller that does not wait any more needs no answer.
fn tell<T>(answer: Answer<T>, result: Result<T>) {
    drop(answer.send(result));
}

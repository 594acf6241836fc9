//! Reads of the history.

use std::collections::VecDeque;
use std::sync::Arc;

use redb::{ReadableDatabase, ReadableTable};

use super::{COMPACTED_KEY, LEASES, LOG, META, Table};
use crate::backend::embedded::group::Changes;
use crate::backend::embedded::log::Commit;
use crate::backend::embedded::record;
use crate::backend::embedded::state::{Found, Position};
use crate::error::Result;
use crate::types::{Event, KeyValue, Revision};

/// What a watch that reads the file takes at once.
const CHUNK_ROWS: usize = 1024;
const CHUNK_BYTES: usize = 1 << 20;

type Engine<T> = std::result::Result<T, redb::Error>;

impl Table {
    /// The values at these places, in order; `None` when one has been compacted away.
    pub(in crate::backend::embedded) fn fetch(&self, found: Vec<Found>) -> Result<Option<Vec<KeyValue>>> {
        self.guarded(|| self.fetch_rows(found).map_err(|error| self.failed("read", error)))
    }

    /// Whole revisions from `from` to `until`, as many as make a chunk; empty when there are none.
    pub(in crate::backend::embedded) fn commits(
        &self,
        from: Revision,
        until: Revision,
    ) -> Result<VecDeque<Arc<Commit>>> {
        self.guarded(|| {
            let commits = self.read_commits(from, until);
            commits
                .map_err(|error| self.failed("read", error))?
                .ok_or_else(|| self.corrupt(format!("the log has no record after revision {from}")))
        })
    }

    /// After a failed commit and a reopen: whether the file has the group. A group is there whole or not at all.
    pub(in crate::backend::embedded) fn landed(&self, changes: &Changes) -> Result<bool> {
        self.guarded(|| self.has(changes).map_err(|error| self.failed("read", error)))
    }

    fn fetch_rows(&self, found: Vec<Found>) -> Engine<Option<Vec<KeyValue>>> {
        let read = self.database().ok_or(redb::Error::DatabaseClosed)?.begin_read()?;
        let log = read.open_table(LOG)?;
        let mut kvs = Vec::with_capacity(found.len());
        for found in found {
            let kv = match found {
                Found::Current(kv) => Some(kv),
                Found::InLog(at) => put_at(&log, at)?,
            };
            match kv {
                Some(kv) => kvs.push(kv),
                None => return Ok(None),
            }
        }
        Ok(Some(kvs))
    }

    fn read_commits(&self, from: Revision, until: Revision) -> Engine<Option<VecDeque<Arc<Commit>>>> {
        let read = self.database().ok_or(redb::Error::DatabaseClosed)?.begin_read()?;
        let log = read.open_table(LOG)?;
        let mut commits = VecDeque::new();
        let mut events: Vec<Event> = Vec::new();
        let (mut revision, mut rows, mut bytes) = (from, 0, 0);
        for row in log.range((from, 0)..=(until, u32::MAX))? {
            let (at, row) = row?;
            if at.value().0 != revision {
                if !events.is_empty() {
                    commits.push_back(Arc::new(Commit::new(revision, std::mem::take(&mut events))));
                }
                if rows >= CHUNK_ROWS || bytes >= CHUNK_BYTES {
                    return Ok(Some(commits));
                }
                revision = at.value().0;
            }
            (rows, bytes) = (rows + 1, bytes + row.value().len());
            match record::decode(revision, row.value()) {
                Some(event) => events.push(event),
                None => return Ok(None),
            }
        }
        if !events.is_empty() {
            commits.push_back(Arc::new(Commit::new(revision, events)));
        }
        Ok(Some(commits))
    }

    fn has(&self, changes: &Changes) -> Engine<bool> {
        let read = self.database().ok_or(redb::Error::DatabaseClosed)?.begin_read()?;
        if let Some(commit) = changes.commits.last() {
            return Ok(read.open_table(LOG)?.get((commit.revision, 0))?.is_some());
        }
        let leases = read.open_table(LEASES)?;
        if let Some(id) = changes.granted.keys().next() {
            return Ok(leases.get(id.0)?.is_some());
        }
        if let Some(id) = changes.revoked.iter().next() {
            return Ok(leases.get(id.0)?.is_none());
        }
        let compacted = read.open_table(META)?.get(COMPACTED_KEY)?.map(|value| value.value());
        Ok(changes.compacted.is_some() && changes.compacted == compacted)
    }
}

fn put_at(log: &impl ReadableTable<Position, &'static [u8]>, at: Position) -> Engine<Option<KeyValue>> {
    let Some(row) = log.get(at)? else { return Ok(None) };
    match record::decode(at.0, row.value()) {
        Some(Event::Put(kv)) => Ok(Some(kv)),
        _ => Err(redb::Error::Corrupted(format!(
            "the log has no value at revision {}",
            at.0
        ))),
    }
}

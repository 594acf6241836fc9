//! A group: the requests that share one sync. They run one after the other, each seeing the writes of those before
//! it, over a state that stays as it is until the disk has the group.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::history;
use super::log::Commit;
use super::state::{Position, State, select, size, within};
use super::table::Table;
use crate::error::{Error, Result};
use crate::types::{
    Compare, Event, KeyValue, Keys, LeaseId, Op, OpResult, Range, RangeResult, Revision, Txn, TxnResult,
};

/// What a group changes: the part that goes to disk and then to memory.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) commits: Vec<Arc<Commit>>,
    pub(super) granted: HashMap<LeaseId, Duration>,
    pub(super) revoked: HashSet<LeaseId>,
    pub(super) compacted: Option<Revision>,
}

/// A group while it runs.
pub(super) struct Group<'a> {
    base: &'a State,
    table: &'a Table,
    max_bytes: u64,
    revision: Revision,
    bytes: i128,
    written: BTreeMap<Bytes, Option<KeyValue>>,
    on_lease: HashMap<LeaseId, Vec<Bytes>>,
    changes: Changes,
}

/// The writes of the transaction at hand, so that a refused one leaves nothing behind.
#[derive(Default)]
struct Draft {
    events: Vec<Event>,
    undo: Vec<(Bytes, Option<Option<KeyValue>>)>,
    bytes: i128,
}

impl<'a> Group<'a> {
    pub(super) fn new(base: &'a State, table: &'a Table, max_bytes: u64) -> Self {
        Self {
            base,
            table,
            max_bytes,
            revision: base.revision,
            bytes: i128::from(base.live_bytes()),
            written: BTreeMap::new(),
            on_lease: HashMap::new(),
            changes: Changes::default(),
        }
    }

    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }

    /// Runs a transaction. `lives` answers for the leases that the group did not touch.
    pub(super) fn txn(&mut self, txn: &Txn, lives: impl Fn(LeaseId) -> bool) -> Result<TxnResult> {
        let succeeded = txn.compares.iter().all(|compare| self.holds(compare));
        let branch = if succeeded { &txn.then } else { &txn.otherwise };
        let mut draft = Draft::default();
        let mut results = Vec::with_capacity(branch.len());
        for op in branch {
            match self.step(op, &mut draft, &lives) {
                Ok(result) => results.push(result),
                Err(error) => {
                    self.roll_back(draft);
                    return Err(error);
                }
            }
        }
        self.keep(draft);
        Ok(TxnResult {
            succeeded,
            revision: self.revision,
            results,
        })
    }

    /// Makes a lease part of the group.
    pub(super) fn grant(&mut self, id: LeaseId, ttl: Duration) {
        self.changes.granted.insert(id, ttl);
    }

    /// Ends a lease and deletes its keys in one revision.
    pub(super) fn revoke(&mut self, id: LeaseId) {
        let mut keys: Vec<Bytes> = self.base.attached(id).cloned().collect();
        keys.extend(self.on_lease.remove(&id).into_iter().flatten());
        keys.sort();
        keys.dedup();
        let mut draft = Draft::default();
        for key in keys {
            if self.get(&key).is_some_and(|kv| kv.lease == id) {
                self.delete(key, &mut draft);
            }
        }
        self.keep(draft);
        if self.changes.granted.remove(&id).is_none() {
            self.changes.revoked.insert(id);
        }
    }

    /// Whether a key may hang on the lease, as far as the group knows.
    pub(super) fn knows_lease(&self, id: LeaseId, lives: impl Fn(LeaseId) -> bool) -> bool {
        self.changes.granted.contains_key(&id) || (!self.changes.revoked.contains(&id) && lives(id))
    }

    /// Moves the oldest readable revision.
    pub(super) fn compact(&mut self, to: Revision) -> Result<()> {
        let oldest = self.changes.compacted.unwrap_or(self.base.compacted);
        if to <= oldest {
            return Err(Error::Compacted { oldest });
        }
        if to > self.revision {
            return Err(Error::FutureRevision {
                asked: to,
                newest: self.revision,
            });
        }
        self.changes.compacted = Some(to);
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Option<&KeyValue> {
        match self.written.get(key) {
            Some(written) => written.as_ref(),
            None => self.base.get(key),
        }
    }

    fn holds(&self, compare: &Compare) -> bool {
        match compare {
            Compare::Version(key, is) => self.get(key).map_or(0, |kv| kv.version) == *is,
            Compare::CreateRevision(key, is) => self.get(key).map_or(0, |kv| kv.create_revision) == *is,
            Compare::ModRevision(key, is) => self.get(key).map_or(0, |kv| kv.mod_revision) == *is,
            Compare::Lease(key, is) => self.get(key).map_or(LeaseId::NONE, |kv| kv.lease) == *is,
            Compare::Value(key, is) => self.get(key).is_some_and(|kv| kv.value == *is),
        }
    }

    fn step(&mut self, op: &Op, draft: &mut Draft, lives: impl Fn(LeaseId) -> bool) -> Result<OpResult> {
        match op {
            Op::Put { key, value, lease } => {
                if *lease != LeaseId::NONE && !self.knows_lease(*lease, lives) {
                    return Err(Error::LeaseNotFound(*lease));
                }
                self.put(key, value, *lease, draft)?;
                Ok(OpResult::Put)
            }
            Op::Delete(keys) => {
                let found: Vec<Bytes> = self.visible(keys).map(|kv| kv.key.clone()).collect();
                let count = found.len() as u64;
                for key in found {
                    self.delete(key, draft);
                }
                Ok(OpResult::Deleted(count))
            }
            Op::Get(range) => self.read(range, draft).map(OpResult::Got),
        }
    }

    fn put(&mut self, key: &Bytes, value: &Bytes, lease: LeaseId, draft: &mut Draft) -> Result<()> {
        let revision = self.revision + 1;
        let old = self.get(key);
        let kv = KeyValue {
            key: key.clone(),
            value: value.clone(),
            create_revision: old.map_or(revision, |kv| kv.create_revision),
            mod_revision: revision,
            version: old.map_or(0, |kv| kv.version) + 1,
            lease,
        };
        let grows = i128::from(size(&kv)) - old.map_or(0, |kv| i128::from(size(kv)));
        if grows > 0 && self.bytes + draft.bytes + grows > i128::from(self.max_bytes) {
            return Err(Error::Full { limit: self.max_bytes });
        }
        if lease != LeaseId::NONE {
            self.on_lease.entry(lease).or_default().push(key.clone());
        }
        draft.bytes += grows;
        draft.events.push(Event::Put(kv.clone()));
        self.write(key.clone(), Some(kv), draft);
        Ok(())
    }

    fn delete(&mut self, key: Bytes, draft: &mut Draft) {
        draft.bytes -= self.get(&key).map_or(0, |kv| i128::from(size(kv)));
        draft.events.push(Event::Delete {
            key: key.clone(),
            mod_revision: self.revision + 1,
        });
        self.write(key, None, draft);
    }

    fn write(&mut self, key: Bytes, to: Option<KeyValue>, draft: &mut Draft) {
        let before = self.written.insert(key.clone(), to);
        draft.undo.push((key, before));
    }

    fn read(&self, range: &Range, draft: &Draft) -> Result<RangeResult> {
        let newest = self.revision + u64::from(!draft.events.is_empty());
        match range.at {
            Some(at) if at != newest => history::read(self.base, self.table, range, at),
            _ => Ok(select(self.visible(&range.keys), range, newest)),
        }
    }

    fn keep(&mut self, draft: Draft) {
        if draft.events.is_empty() {
            return;
        }
        self.revision += 1;
        self.bytes += draft.bytes;
        self.changes
            .commits
            .push(Arc::new(Commit::new(self.revision, draft.events)));
    }

    fn roll_back(&mut self, draft: Draft) {
        for (key, before) in draft.undo.into_iter().rev() {
            match before {
                Some(before) => self.written.insert(key, before),
                None => self.written.remove(&key),
            };
        }
    }

    /// The keys that exist after the writes so far: the group's writes laid over the base.
    fn visible<'b>(&'b self, keys: &'b Keys) -> impl Iterator<Item = &'b KeyValue> {
        let mut base = self.base.iter(keys).peekable();
        let mut written = within(&self.written, keys).peekable();
        std::iter::from_fn(move || {
            loop {
                let Some((key, kv)) = written.peek() else {
                    return base.next();
                };
                match base.peek() {
                    Some(below) if below.key < **key => return base.next(),
                    Some(below) if below.key == **key => drop(base.next()),
                    _ => {}
                }
                let kv = kv.as_ref();
                written.next();
                if kv.is_some() {
                    return kv;
                }
            }
        })
    }
}

impl Changes {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.commits.is_empty() && self.granted.is_empty() && self.revoked.is_empty() && self.compacted.is_none()
    }

    /// Every change with its place in the log.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Position, &Event)> {
        self.commits.iter().flat_map(|commit| {
            let places = (0u32..).map(|sub| (commit.revision, sub));
            places.zip(&commit.events)
        })
    }
}

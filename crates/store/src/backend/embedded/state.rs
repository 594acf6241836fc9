//! What the store knows in memory: every key with its value, and where the older values are in the log.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;

use bytes::Bytes;

use crate::types::{Event, KeyValue, Keys, LeaseId, Range, RangeResult, Revision};

/// Where a change stands in the log: its revision, and its place among the changes of that revision.
pub(super) type Position = (Revision, u32);

/// Bookkeeping counted for each change besides its key and value.
const CHANGE_OVERHEAD: u64 = 64;

/// All that is on disk and published; only the writer changes it, and only after the disk has it.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) revision: Revision,
    /// The oldest revision that can be read.
    pub(super) compacted: Revision,
    keys: BTreeMap<Bytes, Key>,
    attached: HashMap<LeaseId, BTreeSet<Bytes>>,
    /// Changes that a compaction has not looked at, in order.
    trail: VecDeque<Step>,
    trail_bytes: u64,
    live: u64,
    live_bytes: u64,
}

#[derive(Debug, Default)]
struct Key {
    current: Option<KeyValue>,
    /// The changes that are in the log, in order.
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Copy)]
struct Change {
    at: Position,
    delete: bool,
}

#[derive(Debug)]
struct Step {
    at: Position,
    delete: bool,
    bytes: u64,
    key: Bytes,
}

/// What a range at an older revision answers: values that are still current, and places in the log.
#[derive(Debug)]
pub(super) enum Found {
    Current(KeyValue),
    InLog(Position),
}

/// Log rows that a compaction may delete, and how far it is when it has.
#[derive(Debug)]
pub(super) struct Garbage {
    pub(super) rows: Vec<(Bytes, Position)>,
    steps: usize,
    /// Every step before this revision is done.
    pub(super) cleaned: Revision,
}

impl State {
    pub(super) fn get(&self, key: &[u8]) -> Option<&KeyValue> {
        self.keys.get(key)?.current.as_ref()
    }

    /// The keys that exist, in order.
    pub(super) fn iter<'a>(&'a self, keys: &'a Keys) -> impl Iterator<Item = &'a KeyValue> {
        self.entries(keys).filter_map(|(_, key)| key.current.as_ref())
    }

    /// Reads the newest state.
    pub(super) fn select(&self, range: &Range) -> RangeResult {
        select(self.iter(&range.keys), range, self.revision)
    }

    /// Finds what was there at `revision`, and whether the limit cut it.
    pub(super) fn find(&self, range: &Range, revision: Revision) -> (Vec<Found>, bool) {
        let mut found = self.entries(&range.keys).filter_map(|(_, key)| key.at(revision));
        if range.limit == 0 {
            return (found.collect(), false);
        }
        let cut = found.by_ref().take(range.limit).collect();
        (cut, found.next().is_some())
    }

    /// The keys that hang on a lease.
    pub(super) fn attached(&self, lease: LeaseId) -> impl Iterator<Item = &Bytes> {
        self.attached.get(&lease).into_iter().flatten()
    }

    /// How many keys exist.
    pub(super) fn live(&self) -> u64 {
        self.live
    }

    /// How many bytes the keys that exist take, values included.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Takes over one change; changes come in the order of the log.
    pub(super) fn apply(&mut self, event: &Event, at: Position) {
        let (key, delete) = (event.key(), matches!(event, Event::Delete { .. }));
        let entry = self.keys.entry(key.clone()).or_default();
        let next = match event {
            Event::Put(kv) => Some(kv.clone()),
            Event::Delete { .. } => None,
        };
        entry.changes.push(Change { at, delete });
        let old = std::mem::replace(&mut entry.current, next);
        if let Some(old) = old {
            self.count_out(&old);
        }
        let mut bytes = CHANGE_OVERHEAD + key.len() as u64;
        if let Event::Put(kv) = event {
            bytes += kv.value.len() as u64;
            self.count_in(kv);
        }
        self.revision = self.revision.max(at.0);
        self.trail_bytes += bytes;
        self.trail.push_back(Step {
            at,
            delete,
            bytes,
            key: key.clone(),
        });
    }

    fn count_in(&mut self, kv: &KeyValue) {
        self.live += 1;
        self.live_bytes += size(kv);
        if kv.lease != LeaseId::NONE {
            self.attached.entry(kv.lease).or_default().insert(kv.key.clone());
        }
    }

    fn count_out(&mut self, kv: &KeyValue) {
        self.live -= 1;
        self.live_bytes -= size(kv);
        if let Some(keys) = self.attached.get_mut(&kv.lease) {
            keys.remove(&kv.key);
            if keys.is_empty() {
                self.attached.remove(&kv.lease);
            }
        }
    }

    /// The revision to compact to so that the history keeps within the bounds, if it does not.
    pub(super) fn overdue(&self, revisions: u64, bytes: u64) -> Option<Revision> {
        let mut target = self.compacted;
        if self.revision - self.compacted > revisions.saturating_add(revisions / 10) {
            target = self.revision - revisions;
        }
        if self.trail_bytes > bytes.saturating_add(bytes / 10) {
            target = target.max(self.cut_at_bytes(bytes));
        }
        (target > self.compacted).then_some(target)
    }

    fn cut_at_bytes(&self, bytes: u64) -> Revision {
        let mut left = self.trail_bytes;
        for step in &self.trail {
            if left <= bytes {
                return step.at.0;
            }
            left -= step.bytes;
        }
        self.revision
    }

    /// Whether the compaction has work left.
    pub(super) fn has_garbage(&self) -> bool {
        self.trail.front().is_some_and(|step| step.at.0 < self.compacted)
    }

    /// The next rows to delete, looking at `max` changes at most. A change before the compacted revision makes the
    /// older changes of its key useless, and itself if it is a deletion; changes of that revision stay whole, because
    /// a watch may start there.
    pub(super) fn garbage(&self, max: usize) -> Garbage {
        let mut rows = Vec::new();
        let mut steps = 0;
        for step in self
            .trail
            .iter()
            .take_while(|step| step.at.0 < self.compacted)
            .take(max)
        {
            steps += 1;
            let changes = self.keys.get(&step.key).map_or(&[][..], |key| &key.changes);
            let useless = |change: &&Change| change.at < step.at || (step.delete && change.at == step.at);
            let useless = changes.iter().take_while(useless);
            rows.extend(useless.map(|change| (step.key.clone(), change.at)));
        }
        let next = self.trail.get(steps).map_or(self.compacted, |step| step.at.0);
        Garbage {
            rows,
            steps,
            cleaned: next.min(self.compacted),
        }
    }

    /// Forgets rows that are gone from the log.
    pub(super) fn forget(&mut self, garbage: &Garbage) {
        for step in self.trail.drain(..garbage.steps) {
            self.trail_bytes -= step.bytes;
        }
        for (name, at) in &garbage.rows {
            if let Some(key) = self.keys.get_mut(name) {
                key.changes.retain(|change| change.at != *at);
                if key.changes.is_empty() && key.current.is_none() {
                    self.keys.remove(name);
                }
            }
        }
    }

    /// After loading: changes before `cleaned` have been looked at by an earlier compaction.
    pub(super) fn set_cleaned(&mut self, cleaned: Revision) {
        while let Some(step) = self.trail.pop_front_if(|step| step.at.0 < cleaned) {
            self.trail_bytes -= step.bytes;
        }
    }

    fn entries<'a>(&'a self, keys: &'a Keys) -> impl Iterator<Item = (&'a Bytes, &'a Key)> {
        within(&self.keys, keys)
    }
}

impl Key {
    fn at(&self, revision: Revision) -> Option<Found> {
        let after = self.changes.partition_point(|change| change.at.0 <= revision);
        let change = self.changes.get(after.checked_sub(1)?)?;
        match &self.current {
            _ if change.delete => None,
            Some(kv) if kv.mod_revision == change.at.0 => Some(Found::Current(kv.clone())),
            _ => Some(Found::InLog(change.at)),
        }
    }
}

/// The entries of a map that `keys` names, in order.
pub(super) fn within<'a, V>(map: &'a BTreeMap<Bytes, V>, keys: &'a Keys) -> impl Iterator<Item = (&'a Bytes, &'a V)> {
    let (Keys::One(start) | Keys::Prefix(start)) = keys;
    map.range::<[u8], _>((Bound::Included(&start[..]), Bound::Unbounded))
        .take_while(|(key, _)| keys.contains(key))
}

/// Cuts and shapes what a range found.
pub(super) fn select<'a>(
    mut found: impl Iterator<Item = &'a KeyValue>,
    range: &Range,
    revision: Revision,
) -> RangeResult {
    let limit = if range.limit == 0 { usize::MAX } else { range.limit };
    let kvs = found.by_ref().take(limit).map(|kv| shape(kv.clone(), range)).collect();
    RangeResult {
        kvs,
        more: found.next().is_some(),
        revision,
    }
}

/// Leaves the value out if only keys were asked for.
pub(super) fn shape(mut kv: KeyValue, range: &Range) -> KeyValue {
    if range.keys_only {
        kv.value = Bytes::new();
    }
    kv
}

/// What a key counts against the store's bound.
pub(super) fn size(kv: &KeyValue) -> u64 {
    (kv.key.len() + kv.value.len()) as u64
}

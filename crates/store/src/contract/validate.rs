//! The promises of a watch as etcd's robustness tests name them, checked on what watches delivered.

use std::collections::BTreeMap;

use crate::types::{Event, Revision, WatchBatch};

/// What was written: the events of each revision, in the order of the transaction.
pub(super) type Written = BTreeMap<Revision, Vec<Event>>;

/// Ordered, unique, atomic, reliable, resumable and bookmarkable, for a watch on the keys that `wanted` accepts, started
/// at `from`, up to the last batch that it delivered.
pub(super) fn check(written: &Written, from: Revision, batches: &[WatchBatch], wanted: impl Fn(&Event) -> bool) {
    let mut seen = from - 1;
    for batch in batches {
        let mark = batch.events.is_empty();
        assert!(
            batch.revision >= from,
            "resumable: {} is before the start {from}",
            batch.revision
        );
        let forward = if mark {
            batch.revision >= seen
        } else {
            batch.revision > seen
        };
        assert!(forward, "ordered and unique: {} after {seen}", batch.revision);
        let between = written.range(seen + 1..batch.revision + u64::from(mark));
        let missed: Vec<_> = between.filter(|(_, events)| events.iter().any(&wanted)).collect();
        assert!(
            missed.is_empty(),
            "reliable, bookmarkable: missed {missed:?} before {}",
            batch.revision
        );
        if !mark {
            let expected: Vec<Event> = written[&batch.revision].iter().filter(|e| wanted(e)).cloned().collect();
            assert_eq!(batch.events, expected, "atomic: revision {} is whole", batch.revision);
        }
        seen = batch.revision;
    }
}

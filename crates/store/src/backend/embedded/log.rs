//! The newest revisions in memory, from which watches read. A watch that falls out of it reads the file.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::types::{Event, Revision};

const MAX_BYTES: usize = 32 << 20;
/// What a watch takes at once, so that a stuck one holds little.
const CHUNK_COMMITS: usize = 64;
const CHUNK_BYTES: usize = 1 << 20;

/// All changes of one revision.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) revision: Revision,
    pub(super) events: Vec<Event>,
    bytes: usize,
}

/// Consecutive revisions up to the newest.
#[derive(Debug)]
pub(super) struct Log {
    max_commits: usize,
    commits: VecDeque<Arc<Commit>>,
    bytes: usize,
}

impl Commit {
    pub(super) fn new(revision: Revision, events: Vec<Event>) -> Self {
        let bytes = events.iter().map(bytes_of).sum();
        Self {
            revision,
            events,
            bytes,
        }
    }
}

impl Log {
    /// An empty log that holds so many revisions, and 32 MiB, at most.
    pub(super) fn new(max_commits: usize) -> Self {
        Self {
            max_commits,
            commits: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, commit: Arc<Commit>) {
        self.bytes += commit.bytes;
        self.commits.push_back(commit);
        while self.commits.len() > self.max_commits || self.bytes > MAX_BYTES {
            match self.commits.pop_front() {
                Some(oldest) => self.bytes -= oldest.bytes,
                None => return,
            }
        }
    }

    /// Some revisions from `from` to `until`, at least one; `None` when they are not here any more.
    pub(super) fn chunk(&self, from: Revision, until: Revision) -> Option<VecDeque<Arc<Commit>>> {
        let first = self.commits.front()?.revision;
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        let mut room = CHUNK_BYTES;
        let mut chunk = VecDeque::new();
        for commit in self.commits.iter().skip(skip).take(CHUNK_COMMITS) {
            if commit.revision > until || (room == 0 && !chunk.is_empty()) {
                break;
            }
            room = room.saturating_sub(commit.bytes);
            chunk.push_back(commit.clone());
        }
        (!chunk.is_empty()).then_some(chunk)
    }
}

fn bytes_of(event: &Event) -> usize {
    let value = match event {
        Event::Put(kv) => kv.value.len(),
        Event::Delete { .. } => 0,
    };
    std::mem::size_of::<Event>() + event.key().len() + value
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn commit(revision: Revision, bytes: usize) -> Arc<Commit> {
        let key = Bytes::from(vec![b'k'; bytes]);
        Arc::new(Commit::new(
            revision,
            vec![Event::Delete {
                key,
                mod_revision: revision,
            }],
        ))
    }

    fn revisions(log: &Log, from: Revision, until: Revision) -> Option<Vec<Revision>> {
        Some(log.chunk(from, until)?.iter().map(|commit| commit.revision).collect())
    }

    #[test]
    fn a_chunk_starts_where_asked_and_ends_in_time() {
        let mut log = Log::new(1000);
        assert_eq!(revisions(&log, 1, 9), None);
        (5..10).for_each(|revision| log.push(commit(revision, 10)));
        assert_eq!(revisions(&log, 6, 8), Some(vec![6, 7, 8]));
        assert_eq!(revisions(&log, 4, 8), None);
        assert_eq!(revisions(&log, 10, 12), None);
    }

    #[test]
    fn memory_is_bounded_by_bytes_and_by_count() {
        let mut log = Log::new(1000);
        (1..100).for_each(|revision| log.push(commit(revision, 1 << 20)));
        assert!(log.bytes <= MAX_BYTES && log.commits.len() > 20);
        let mut log = Log::new(1000);
        (1..20_000).for_each(|revision| log.push(commit(revision, 1)));
        assert_eq!(log.commits.len(), 1000);
        assert_eq!(revisions(&log, 19_999, 30_000), Some(vec![19_999]));
    }
}

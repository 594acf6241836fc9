//! A watch: walks the revisions from where it is to the newest, then waits to be woken.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::hub::{Look, Seat};
use super::log::Commit;
use super::queue::closed;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::types::{Event, Keys, Revision, WatchBatch};

/// A watch on an embedded store.
///
/// It holds a seat in the hub, a position, and at most one chunk of the log. All of its state changes between awaits,
/// so a dropped `next` loses nothing.
#[derive(Debug)]
pub(crate) struct EmbeddedWatch {
    shared: Arc<Shared>,
    seat: Seat,
    /// The first revision that is not looked at.
    next: Revision,
    /// The last revision that is known to be there; beyond it the hub tells.
    until: Revision,
    /// What the caller has been told to have seen.
    told: Revision,
    chunk: VecDeque<Arc<Commit>>,
    /// When a quiet watch gets its progress mark.
    mark_at: Instant,
    over: Option<Error>,
}

impl EmbeddedWatch {
    /// Starts at `from`; 0 is now.
    pub(super) fn new(shared: Arc<Shared>, keys: Keys, from: Revision) -> Result<Self> {
        let (seat, published) = shared.hub.join(keys);
        let next = if from == 0 { published + 1 } else { from };
        let oldest = shared.oldest();
        if next < oldest {
            return Err(Error::Compacted { oldest });
        }
        let mark_at = Instant::now() + shared.config.progress_interval;
        Ok(Self {
            shared,
            seat,
            next,
            until: published,
            told: next - 1,
            chunk: VecDeque::new(),
            mark_at,
            over: None,
        })
    }

    pub(crate) async fn next(&mut self) -> Result<WatchBatch> {
        if let Some(error) = &self.over {
            return Err(error.clone());
        }
        let batch = self.advance().await;
        if let Err(error) = &batch {
            self.over = Some(error.clone());
        }
        batch
    }

    async fn advance(&mut self) -> Result<WatchBatch> {
        loop {
            if let Some(batch) = self.take_from_chunk() {
                return Ok(self.tell(batch));
            }
            if self.next <= self.until {
                self.fill().await?;
                continue;
            }
            match self.seat.look() {
                Look::Closed => return Err(closed()),
                Look::Matched { first, published } => {
                    self.next = self.next.max(first);
                    self.until = published;
                }
                Look::Quiet { published } => {
                    // Nothing up to here matched, so nothing needs to be looked at again.
                    self.next = self.next.max(published + 1);
                    if let Some(mark) = self.mark(published) {
                        return Ok(self.tell(mark));
                    }
                    self.wait().await;
                }
            }
        }
    }

    /// The next match in the chunk.
    fn take_from_chunk(&mut self) -> Option<WatchBatch> {
        while let Some(commit) = self.chunk.pop_front() {
            self.next = commit.revision + 1;
            let keys = self.seat.keys();
            let events = commit.events.iter().filter(|event| keys.contains(event.key()));
            let events: Vec<Event> = events.cloned().collect();
            if !events.is_empty() {
                return Some(WatchBatch {
                    revision: commit.revision,
                    events,
                });
            }
        }
        None
    }

    /// Takes the next chunk from memory, or from the file if it is not there any more.
    async fn fill(&mut self) -> Result<()> {
        tokio::task::consume_budget().await;
        let chunk = self.shared.log.read().chunk(self.next, self.until);
        self.chunk = match chunk {
            Some(chunk) => chunk,
            None => self.read_file().await?,
        };
        if self.chunk.is_empty() {
            self.next = self.until + 1;
        }
        Ok(())
    }

    async fn read_file(&self) -> Result<VecDeque<Arc<Commit>>> {
        let (shared, next, until) = (self.shared.clone(), self.next, self.until);
        let read = tokio::task::spawn_blocking(move || shared.table.commits(next, until)).await;
        let chunk = read.map_err(|error| Error::Unavailable(format!("a read of the history ended: {error}")))?;
        // Rows are deleted only after the compacted revision is visible, so this look comes after the read.
        let oldest = self.shared.oldest();
        if self.next < oldest {
            return Err(Error::Compacted { oldest });
        }
        chunk
    }

    fn mark(&self, published: Revision) -> Option<WatchBatch> {
        let due = Instant::now() >= self.mark_at && published > self.told;
        due.then(|| WatchBatch {
            revision: published,
            events: Vec::new(),
        })
    }

    fn tell(&mut self, batch: WatchBatch) -> WatchBatch {
        self.told = batch.revision;
        self.mark_at = Instant::now() + self.shared.config.progress_interval;
        batch
    }

    async fn wait(&mut self) {
        let now = Instant::now();
        if self.mark_at <= now {
            self.mark_at = now + self.shared.config.progress_interval;
        }
        tokio::select! {
            () = self.seat.woken() => {}
            () = tokio::time::sleep_until(self.mark_at) => {}
        }
    }
}

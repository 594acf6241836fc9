//! Following keys.

use crate::backend::embedded::EmbeddedWatch;
use crate::error::Result;
use crate::types::WatchBatch;

/// The changes of some keys, revision by revision. Dropping it ends it.
#[derive(Debug)]
pub struct Watch(Source);

#[derive(Debug)]
enum Source {
    Embedded(EmbeddedWatch),
}

impl Watch {
    /// The next batch: all changes of one revision that the keys match, in order, without gap or repeat; or, when
    /// nothing matched for a while, a progress mark. Cancel safe: a dropped future loses nothing.
    ///
    /// After an error the watch is over. [`Error::Compacted`](crate::Error::Compacted) means that it was too slow:
    /// read the state again and watch from there.
    pub async fn next(&mut self) -> Result<WatchBatch> {
        match &mut self.0 {
            Source::Embedded(watch) => watch.next().await,
        }
    }
}

impl From<EmbeddedWatch> for Watch {
    fn from(watch: EmbeddedWatch) -> Self {
        Self(Source::Embedded(watch))
    }
}

//! What a batch does to the catalog. Pure.

use std::sync::Arc;

use nines_model::{Catalog, Interest};
use nines_wire::convert::{ConvertError, change_from_proto};
use nines_wire::proto;

/// The catalog as the stream has told it so far.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) catalog: Arc<Catalog>,
    /// What the catalog was asked for.
    pub(super) interest: Arc<Interest>,
    /// Whether the catalog is whole for its interest.
    pub(super) whole: bool,
}

/// A batch that does not fit what came before it.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadBatch {
    #[error("the control plane sent what it should not: {0}")]
    Malformed(#[from] ConvertError),
    #[error("the revision went back from {known} to {sent} without a full state")]
    WentBack { known: u64, sent: u64 },
    #[error("changes came before the full state")]
    NotWhole,
}

impl View {
    /// Takes a batch in. A full one replaces the catalog and is for `asked`, the interest asked for last.
    pub(super) fn apply(&mut self, batch: proto::Batch, asked: &Arc<Interest>) -> Result<(), BadBatch> {
        if batch.full {
            let mut catalog = Catalog {
                revision: batch.revision,
                ..Catalog::default()
            };
            apply_changes(&mut catalog, batch.changes)?;
            *self = View {
                catalog: Arc::new(catalog),
                interest: asked.clone(),
                whole: true,
            };
            return Ok(());
        }
        if !self.whole {
            return Err(BadBatch::NotWhole);
        }
        if batch.revision < self.catalog.revision {
            return Err(BadBatch::WentBack {
                known: self.catalog.revision,
                sent: batch.revision,
            });
        }
        let catalog = Arc::make_mut(&mut self.catalog);
        catalog.revision = batch.revision;
        Ok(apply_changes(catalog, batch.changes)?)
    }

    /// The revision to go on from with this interest; 0 if the state must come anew.
    pub(super) fn resume_from(&self, asked: &Arc<Interest>) -> u64 {
        if self.whole && self.interest == *asked {
            self.catalog.revision
        } else {
            0
        }
    }
}

fn apply_changes(catalog: &mut Catalog, changes: Vec<proto::Change>) -> Result<(), ConvertError> {
    for change in changes {
        catalog.apply(change_from_proto(change)?);
    }
    Ok(())
}

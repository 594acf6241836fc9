//! What a batch does to the catalog. Pure.
//!
//! Revisions only grow within one history. When the control plane has lost its store, or a backup was put back, history
//! begins anew: the revision goes back, or the store has another name. If the new history knows no documents at all
//! where the former knew some, it is one that nobody has filled yet, and what was known stays in force until it is.

use std::sync::Arc;

use nines_model::{Catalog, Interest};
use nines_wire::convert::{ConvertError, change_from_proto};
use nines_wire::proto;

use crate::cache::Good;

/// The catalog as the stream has told it so far.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) catalog: Arc<Catalog>,
    /// What the catalog was asked for.
    pub(super) interest: Arc<Interest>,
    /// Whether the catalog is whole for its interest.
    pub(super) whole: bool,
    /// What the revision counts in, if the control plane has said so.
    pub(super) history: Option<proto::History>,
    /// How often history has begun anew.
    pub(super) epoch: u64,
    /// What was known before that, until the new history knows something as well.
    former: Option<Arc<Catalog>>,
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
    /// What an earlier process knew. It is whole for nothing: what it was asked for is not known.
    pub(super) fn recalled(good: Good, interest: Arc<Interest>) -> Self {
        Self {
            catalog: good.catalog,
            interest,
            history: good.history,
            ..Self::default()
        }
    }

    /// Takes a batch in. A full one replaces the catalog and is for `asked`, the interest asked for last.
    pub(super) fn apply(&mut self, batch: proto::Batch, asked: &Arc<Interest>) -> Result<(), BadBatch> {
        if batch.full {
            self.replace(batch, asked)?;
        } else {
            self.change(batch)?;
        }
        self.former = self.former.take().filter(|former| !supersedes(&self.catalog, former));
        Ok(())
    }

    fn replace(&mut self, batch: proto::Batch, asked: &Arc<Interest>) -> Result<(), ConvertError> {
        let begins_anew = self.begins_anew(&batch);
        let mut catalog = Catalog {
            revision: batch.revision,
            ..Catalog::default()
        };
        apply_changes(&mut catalog, batch.changes)?;
        if begins_anew {
            self.epoch += 1;
            self.former = Some(self.in_force());
        }
        self.catalog = Arc::new(catalog);
        self.interest = asked.clone();
        self.whole = true;
        self.history = batch.history.or(self.history.filter(|_| !begins_anew));
        Ok(())
    }

    fn change(&mut self, batch: proto::Batch) -> Result<(), BadBatch> {
        if !self.whole {
            return Err(BadBatch::NotWhole);
        }
        if batch.revision < self.catalog.revision {
            return Err(BadBatch::WentBack {
                known: self.catalog.revision,
                sent: batch.revision,
            });
        }
        self.history = batch.history.or(self.history);
        let catalog = Arc::make_mut(&mut self.catalog);
        catalog.revision = batch.revision;
        Ok(apply_changes(catalog, batch.changes)?)
    }

    fn begins_anew(&self, batch: &proto::Batch) -> bool {
        let another_store = match (&self.history, &batch.history) {
            (Some(known), Some(named)) => known.store != named.store,
            _ => false,
        };
        another_store || batch.revision < self.catalog.revision
    }

    /// Whether what is in force is from before history began anew.
    pub(super) fn holds_former(&self) -> bool {
        self.former.is_some()
    }

    /// The catalog to act by. Documents are of one history, but services that have registered again are believed.
    pub(super) fn in_force(&self) -> Arc<Catalog> {
        let Some(former) = &self.former else {
            return self.catalog.clone();
        };
        let mut catalog = Catalog::clone(former);
        catalog.revision = self.catalog.revision;
        catalog.instances.extend(self.catalog.instances.clone());
        Arc::new(catalog)
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

/// Whether the new history knows as much as it takes to replace the former: a document, or, where there was none, an
/// instance.
fn supersedes(new: &Catalog, former: &Catalog) -> bool {
    let has_documents = |catalog: &Catalog| !catalog.resources.is_empty() || !catalog.configs.is_empty();
    if has_documents(former) {
        has_documents(new)
    } else {
        former.instances.is_empty() || !new.instances.is_empty()
    }
}

fn apply_changes(catalog: &mut Catalog, changes: Vec<proto::Change>) -> Result<(), ConvertError> {
    for change in changes {
        catalog.apply(change_from_proto(change)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests;

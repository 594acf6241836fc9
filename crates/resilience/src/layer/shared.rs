//! What the clones of a layered service share.

use std::sync::Arc;

use crate::{Name, Refusal, Refused};

/// A core and the name of the policy it stands for: one per layer, shared by all of its services and their clones.
#[derive(Debug)]
pub struct Shared<C> {
    pub name: Name,
    pub core: C,
}

impl<C> Shared<C> {
    pub(crate) fn new(name: Name, core: C) -> Arc<Self> {
        Arc::new(Self { name, core })
    }

    /// The refusal as callers see it. Never inlined: it is the rare case.
    #[cold]
    pub(crate) fn refusal(&self, refused: Refused) -> Refusal {
        refused.by(&self.name)
    }
}

//! The three records of one instance and the view they make.

use std::sync::Arc;

use nines_model::{Instance, InstanceKey, Override, Registration, Revision};
use nines_store::LeaseId;
use serde::{Deserialize, Serialize};

/// The three records of one instance, as far as they exist, and the view they make.
#[derive(Debug, Default)]
pub struct Entry {
    pub(super) registration: Option<(Registration, Revision)>,
    pub(super) liveness: Option<(Liveness, LeaseId)>,
    pub(super) over: Option<Override>,
    joined: Option<Arc<Instance>>,
}

/// Second record: what an instance hangs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liveness {
    /// The stream session, or `rest/…` for an instance that is kept by REST heartbeats.
    pub session: String,
}

impl Entry {
    /// As subscribers see it; `None` when it is not registered.
    pub fn instance(&self) -> Option<&Arc<Instance>> {
        self.joined.as_ref()
    }

    /// What it says of itself, and since which revision.
    pub fn registration(&self) -> Option<&(Registration, Revision)> {
        self.registration.as_ref()
    }

    /// What it hangs on, and the lease.
    pub fn liveness(&self) -> Option<&(Liveness, LeaseId)> {
        self.liveness.as_ref()
    }

    /// What an operator set.
    pub fn over(&self) -> Option<&Override> {
        self.over.as_ref()
    }

    /// Whether no record is left.
    pub(super) fn is_empty(&self) -> bool {
        self.registration.is_none() && self.liveness.is_none() && self.over.is_none()
    }

    /// Makes the view anew. Gives whether there was or is one, that is, whether anybody can see a difference.
    pub(super) fn join(&mut self, key: &InstanceKey, revision: Revision) -> bool {
        let was = self.joined.take();
        self.joined = self.registration.as_ref().map(|(registration, _)| {
            let alive = self.liveness.is_some();
            let instance = Instance::join(key.clone(), registration, alive, self.over.as_ref(), revision);
            Arc::new(instance)
        });
        was.is_some() || self.joined.is_some()
    }
}

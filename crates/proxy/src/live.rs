//! The configuration in force, as workers hold it.

use std::sync::Arc;

use crate::listener::SocketId;
use crate::snapshot::{ListenerId, ListenerPlan, Snapshot};

/// The listeners of a snapshot with everything that hangs on them. A worker keeps its own `Rc` of it, so that a request takes and drops it without
/// touching memory that other workers write.
#[derive(Debug, Default)]
pub(crate) struct Live {
    plans: Vec<(SocketId, Arc<ListenerPlan>)>,
}

impl Live {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let plans = snapshot.listeners.iter().map(|plan| (SocketId::of(plan), plan.clone()));
        Self { plans: plans.collect() }
    }

    /// The place of a listener in [`Live::plan`]'s order; `None` if it is to be closed.
    pub(crate) fn place(&self, id: &SocketId) -> Option<usize> {
        self.plans.iter().position(|(other, _)| other == id)
    }

    /// The listener of that name, wherever it listens.
    pub(crate) fn named(&self, id: &ListenerId) -> Option<&ListenerPlan> {
        let mut plans = self.plans.iter().map(|(_, plan)| &**plan);
        plans.find(|plan| plan.id == *id)
    }

    pub(crate) fn plan(&self, place: usize) -> Option<&ListenerPlan> {
        self.plans.get(place).map(|(_, plan)| &**plan)
    }
}

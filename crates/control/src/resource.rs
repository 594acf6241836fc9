//! Resources: documents that are applied together, checked as a whole and stored in one transaction.
//!
//! An apply is planned against the state it would produce; a document that changes nothing is not written. Every
//! change of any resource also writes one guard key and compares it, so that two changes which are right each for
//! itself and wrong together cannot both happen: the second is planned again on the state that the first left.

mod plan;
mod record;
mod refer;
#[cfg(test)]
mod tests;
mod touch;

use nines_model::{
    Kind, Resource, ResourceKey, Revision, ServiceKey,
    document::{self, Document},
};
use nines_store::{Backend, Compare, Op, Store, Txn};
use tokio::sync::Mutex;

use crate::error::{Error, Result};
use crate::mirror::Mirror;
use crate::{keys, rivals};
use plan::Plan;
use record::State;

pub use plan::{Outcome, Step};
pub use touch::Touched;

/// Documents of one apply.
pub const MAX_DOCUMENTS: usize = 1000;

/// Tries of one change against changes made by other replicas.
const ATTEMPTS: u32 = 64;

/// The resources over a store.
#[derive(Debug)]
pub struct Resources {
    store: Backend,
    mirror: Mirror,
    /// Changes of this server take turns; only other replicas make a transaction fail.
    turn: Mutex<()>,
}

/// What an apply did, or would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    pub revision: Revision,
    /// In the order of the documents.
    pub steps: Vec<Step>,
    pub touches: Touched,
}

impl Resources {
    /// The mirror tells which services are registered.
    pub fn new(store: Backend, mirror: Mirror) -> Self {
        Self {
            store,
            mirror,
            turn: Mutex::new(()),
        }
    }

    /// Applies all documents of `text` or none; a dry run writes nothing.
    pub async fn apply(&self, text: String, dry_run: bool) -> Result<Applied> {
        let documents = parse(text).await?;
        let _turn = self.turn.lock().await;
        for attempt in 0..ATTEMPTS {
            let state = self.state().await?;
            let plan = plan::plan(&state.resources, &documents, |key| self.registered(key)).map_err(Error::Problems)?;
            if dry_run {
                return Ok(self.applied(plan, &state, state.revision));
            }
            if let Some(revision) = self.write(&plan, &state).await? {
                return Ok(self.applied(plan, &state, revision));
            }
            rivals::give_way(attempt).await;
        }
        Err(busy())
    }

    /// One resource, with the store's revision.
    pub async fn get(&self, key: &ResourceKey) -> Result<(Resource, Revision)> {
        let (found, revision) = self.read(key).await?;
        Ok((found.ok_or_else(|| absent(key))?, revision))
    }

    /// The resources of a kind, of one namespace or of all.
    pub async fn list(&self, kind: Kind, namespace: Option<&str>) -> Result<(Vec<Resource>, Revision)> {
        self.read_kind(kind, namespace).await
    }

    /// Deletes a resource that nothing refers to.
    pub async fn delete(&self, key: &ResourceKey) -> Result<Revision> {
        let _turn = self.turn.lock().await;
        for attempt in 0..ATTEMPTS {
            let state = self.state().await?;
            if !state.resources.contains_key(key) {
                return Err(absent(key));
            }
            refuse_referred(key, &state)?;
            let steps = vec![Op::delete(keys::resource(key)), guard()];
            if let Some(revision) = self.commit(steps, &state).await? {
                return Ok(revision);
            }
            rivals::give_way(attempt).await;
        }
        Err(busy())
    }

    /// Writes what the plan changes; a plan that changes nothing writes nothing.
    async fn write(&self, plan: &Plan, state: &State) -> Result<Option<Revision>> {
        let changed = plan.steps.iter().filter(|step| step.outcome != Outcome::Unchanged);
        let mut puts: Vec<Op> = changed.map(|step| record::put(&step.after)).collect();
        if puts.is_empty() {
            return Ok(Some(state.revision));
        }
        puts.push(guard());
        self.commit(puts, state).await
    }

    async fn commit(&self, then: Vec<Op>, state: &State) -> Result<Option<Revision>> {
        let txn = Txn {
            compares: vec![Compare::ModRevision(keys::resources_guard().into(), state.guard)],
            then,
            otherwise: Vec::new(),
        };
        let done = self.store.txn(txn).await?;
        Ok(done.succeeded.then_some(done.revision))
    }

    /// Whether the service has instances now.
    fn registered(&self, service: &ServiceKey) -> bool {
        self.mirror.read(|state| state.instances(service).next().is_some())
    }

    fn applied(&self, plan: Plan, state: &State, revision: Revision) -> Applied {
        let instances = |service: &ServiceKey| self.mirror.read(|state| state.instances(service).cloned().collect());
        Applied {
            revision,
            touches: touch::touched(&plan.steps, &state.resources, instances),
            steps: plan.steps,
        }
    }
}

/// Off the async threads: a large text takes its time.
async fn parse(text: String) -> Result<Vec<Document>> {
    let parsed = tokio::task::spawn_blocking(move || document::parse_documents(&text, None)).await;
    let parsed = parsed.map_err(|error| Error::Internal(format!("the documents were not read to the end: {error}")))?;
    let documents = parsed.map_err(Error::Problems)?;
    match documents.len() {
        0 => Err(Error::invalid(
            "",
            "there is no document; give at least one with apiVersion, kind, metadata and spec",
        )),
        count if count > MAX_DOCUMENTS => Err(Error::TooLarge {
            path: "",
            message: format!("{count} documents in one apply; at most {MAX_DOCUMENTS} are taken, split them"),
        }),
        _ => Ok(documents),
    }
}

fn refuse_referred(key: &ResourceKey, state: &State) -> Result<()> {
    let mut referrers = refer::referrers(&state.resources);
    let Some(referrers) = referrers.remove(key) else {
        return Ok(());
    };
    let names: Vec<String> = referrers.iter().map(ToString::to_string).collect();
    Err(Error::FailedPrecondition(format!(
        "{key} is still used by {}; change or delete them first",
        names.join(", ")
    )))
}

fn guard() -> Op {
    Op::put(keys::resources_guard(), "")
}

fn absent(key: &ResourceKey) -> Error {
    Error::NotFound(format!("{key} does not exist"))
}

fn busy() -> Error {
    Error::Conflict(format!(
        "the resources changed {ATTEMPTS} times while they were written; try again"
    ))
}

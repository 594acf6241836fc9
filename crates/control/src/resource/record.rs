//! Resources as they lie in the store.

use nines_model::check;
use nines_model::{Kind, Resource, ResourceKey, Revision};
use nines_store::{KeyValue, Keys, Op, OpResult, Range, Store, Txn};

use super::Resources;
use crate::error::{Error, Result};
use crate::keys;

/// All resources as of one revision.
pub(super) struct State {
    pub(super) revision: Revision,
    /// The last change of any resource.
    pub(super) guard: Revision,
    pub(super) resources: check::Resources,
}

impl Resources {
    /// Reads everything in one transaction, so that the guard belongs to what is read with it.
    pub(super) async fn state(&self) -> Result<State> {
        let all = Op::Get(Range::of(Keys::prefix(keys::RESOURCES)));
        let guard = Op::Get(Range::of(Keys::one(keys::resources_guard())));
        let read = self.store.txn(Txn::of(vec![all, guard])).await?;
        let mut found = read.results.into_iter().map(|result| match result {
            OpResult::Got(range) => range.kvs,
            OpResult::Put | OpResult::Deleted(_) => Vec::new(),
        });
        let (all, guard) = (found.next().unwrap_or_default(), found.next().unwrap_or_default());
        Ok(State {
            revision: read.revision,
            guard: guard.first().map_or(0, |kv| kv.mod_revision),
            resources: all
                .iter()
                .map(decode)
                .map(|r| r.map(|r| (r.key(), r)))
                .collect::<Result<_>>()?,
        })
    }

    pub(super) async fn read(&self, key: &ResourceKey) -> Result<(Option<Resource>, Revision)> {
        let found = self.store.range(Range::of(Keys::one(keys::resource(key)))).await?;
        let resource = found.kvs.first().map(decode).transpose()?;
        Ok((resource, found.revision))
    }

    pub(super) async fn read_kind(&self, kind: Kind, namespace: Option<&str>) -> Result<(Vec<Resource>, Revision)> {
        let mut prefix = keys::resources(kind);
        if let Some(namespace) = namespace {
            prefix.push_str(namespace);
            prefix.push('/');
        }
        let found = self.store.range(Range::of(Keys::prefix(prefix))).await?;
        let resources = found.kvs.iter().map(decode).collect::<Result<_>>()?;
        Ok((resources, found.revision))
    }
}

/// Writes one resource.
pub(super) fn put(resource: &Resource) -> Op {
    Op::put(keys::resource(&resource.key()), resource.to_json().to_string())
}

fn decode(kv: &KeyValue) -> Result<Resource> {
    let unreadable =
        |reason: String| Error::Internal(format!("the store's record {} cannot be read: {reason}", kv.key_str()));
    let json = serde_json::from_slice(&kv.value).map_err(|error| unreadable(error.to_string()))?;
    Resource::from_json(&json).map_err(|problem| unreadable(problem.to_string()))
}

//! Instances that hang on a stream session: many on one lease.

use nines_model::{InstanceKey, InstanceState, Registration, Revision};
use nines_store::{Compare, LeaseId, Op, Store, Txn};
use serde::Serialize;

use super::{Registry, unknown};
use crate::error::{Error, Result};
use crate::keys;
use crate::mirror::Liveness;

/// Who holds: the session and its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) session: String,
    pub(crate) lease: LeaseId,
}

impl Registry {
    /// Registers checked instances, each at most once, in one transaction.
    pub(crate) async fn hold(&self, holder: &Holder, batch: &[(InstanceKey, Registration)]) -> Result<Revision> {
        let mut then = Vec::with_capacity(2 * batch.len());
        for (key, registration) in batch {
            then.push(Op::put(keys::registration(key), encode(registration)?));
            then.push(live(key, &holder.session, holder.lease)?);
        }
        let done = self.store.txn(Txn::of(then)).await?;
        self.seen(done.revision).await
    }

    /// Ends an instance if the holder still holds it; if it does not, there is nothing of the holder's to end.
    pub(crate) async fn let_go(&self, holder: &Holder, key: &InstanceKey) -> Result<Revision> {
        let txn = Txn {
            compares: vec![Compare::Lease(keys::liveness(key).into(), holder.lease)],
            then: vec![Op::delete(keys::registration(key)), Op::delete(keys::liveness(key))],
            otherwise: Vec::new(),
        };
        let done = self.store.txn(txn).await?;
        self.seen(done.revision).await
    }

    /// Takes an instance out of rotation; the answer is the revision that subscribers must have applied.
    pub(crate) async fn start_draining(&self, holder: &Holder, key: &InstanceKey) -> Result<Revision> {
        let known = self.mirror.read(|state| state.entry(key)?.registration().cloned());
        let Some((mut registration, changed)) = known else {
            return Err(unknown(key));
        };
        if registration.state == InstanceState::Draining {
            return Ok(changed);
        }
        registration.state = InstanceState::Draining;
        let txn = Txn {
            compares: vec![Compare::Lease(keys::liveness(key).into(), holder.lease)],
            then: vec![Op::put(keys::registration(key), encode(&registration)?)],
            otherwise: Vec::new(),
        };
        let done = self.store.txn(txn).await?;
        if !done.succeeded {
            return Err(lost(key, "this session no longer holds it"));
        }
        self.seen(done.revision).await
    }

    /// Those of `keys` that the session no longer holds, with the reason to tell.
    pub(crate) fn lost<'a>(
        &self,
        session: &str,
        keys: impl Iterator<Item = &'a InstanceKey>,
    ) -> Vec<(InstanceKey, Error)> {
        let reason = |key: &InstanceKey, now: Option<&str>| match now {
            Some(now) if now == session => None,
            Some(now) => Some(lost(
                key,
                &format!("it was registered under the same name by session {now}"),
            )),
            None => Some(Error::NotFound(format!(
                "instance {key} was deregistered; register again to come back"
            ))),
        };
        self.mirror.read(|state| {
            keys.filter_map(|key| {
                let liveness = state.entry(key).and_then(|entry| entry.liveness());
                let error = reason(key, liveness.map(|(liveness, _)| liveness.session.as_str()))?;
                Some((key.clone(), error))
            })
            .collect()
        })
    }
}

fn lost(key: &InstanceKey, why: &str) -> Error {
    Error::Conflict(format!(
        "instance {key} is lost: {why}; give each process its own instance id"
    ))
}

pub(super) fn live(key: &InstanceKey, session: &str, lease: LeaseId) -> Result<Op> {
    let value = encode(&Liveness {
        session: session.into(),
    })?
    .into();
    Ok(Op::Put {
        key: keys::liveness(key).into(),
        value,
        lease,
    })
}

pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(record).map_err(|error| Error::Internal(format!("a record cannot be written: {error}")))
}

//! Instances kept by REST calls: one lease each.

use std::time::Duration;

use nines_model::{InstanceKey, Registration};
use nines_store::{Compare, LeaseId, Op, OpResult, Revision, Store, Txn};

use super::{Registered, Registry, check, unknown};
use crate::error::{Error, Result};
use crate::keys;
use crate::mirror::Liveness;

/// Every REST instance is its own session.
const PREFIX: &str = "rest:";

impl Registry {
    /// Registers an instance, or renews it. A call that says what is registered already only renews the lease.
    pub async fn register(&self, key: &InstanceKey, registration: &Registration, ttl: Duration) -> Result<Registered> {
        check::key(key)?;
        check::registration(registration)?;
        check::ttl(ttl)?;
        let held = self.rest_lease(key).await?;
        if let Some(lease) = held
            && let Some(done) = self.renew(key, registration, ttl, lease).await?
        {
            return Ok(done);
        }
        let done = self.register_anew(key, registration, ttl).await?;
        if let Some(lease) = held {
            self.release(lease).await;
        }
        Ok(done)
    }

    /// Keeps an instance alive that was registered by [`Registry::register`].
    pub async fn heartbeat(&self, key: &InstanceKey) -> Result<Registered> {
        check::key(key)?;
        let Some((liveness, lease)) = self.liveness(key).await? else {
            return Err(unknown(key));
        };
        if !liveness.session.starts_with(PREFIX) {
            return Err(Error::Conflict(format!(
                "instance {key} belongs to session {}; register it here to take it over",
                liveness.session
            )));
        }
        match self.store.lease_keep_alive(lease).await {
            Ok(lease) => Ok(Registered {
                revision: self.mirror.revision(),
                ttl: lease.ttl,
            }),
            Err(nines_store::Error::LeaseNotFound(_)) => Err(unknown(key)),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends an instance at once, whoever holds it. What an operator set stays.
    pub async fn deregister(&self, key: &InstanceKey) -> Result<Revision> {
        check::key(key)?;
        let held = self.rest_lease(key).await?;
        let then = vec![Op::delete(keys::registration(key)), Op::delete(keys::liveness(key))];
        let done = self.store.txn(Txn::of(then)).await?;
        if !matches!(done.results.first(), Some(OpResult::Deleted(1))) {
            return Err(Error::NotFound(format!("instance {key} is not registered")));
        }
        if let Some(lease) = held {
            self.release(lease).await;
        }
        self.seen(done.revision).await
    }

    /// `None` if the lease has ended or has another time to live.
    async fn renew(
        &self,
        key: &InstanceKey,
        registration: &Registration,
        ttl: Duration,
        lease: LeaseId,
    ) -> Result<Option<Registered>> {
        let ttl = match self.store.lease_keep_alive(lease).await {
            Ok(kept) if kept.ttl == ttl => ttl,
            Ok(_) | Err(nines_store::Error::LeaseNotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let record = encode(registration)?;
        let txn = Txn {
            compares: vec![
                Compare::Value(keys::registration(key).into(), record.clone().into()),
                Compare::Lease(keys::liveness(key).into(), lease),
            ],
            then: Vec::new(),
            otherwise: vec![Op::put(keys::registration(key), record), live(key, lease)?],
        };
        match self.store.txn(txn).await {
            Ok(done) => {
                let revision = self.seen(done.revision).await?;
                Ok(Some(Registered { revision, ttl }))
            }
            Err(nines_store::Error::LeaseNotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn register_anew(&self, key: &InstanceKey, registration: &Registration, ttl: Duration) -> Result<Registered> {
        let lease = self.store.lease_grant(ttl).await?;
        let then = vec![
            Op::put(keys::registration(key), encode(registration)?),
            live(key, lease.id)?,
        ];
        match self.store.txn(Txn::of(then)).await {
            Ok(done) => {
                let revision = self.seen(done.revision).await?;
                Ok(Registered {
                    revision,
                    ttl: lease.ttl,
                })
            }
            Err(error) => {
                self.release(lease.id).await;
                Err(error.into())
            }
        }
    }

    async fn rest_lease(&self, key: &InstanceKey) -> Result<Option<LeaseId>> {
        let held = self.liveness(key).await?;
        Ok(held
            .filter(|(liveness, _)| liveness.session.starts_with(PREFIX))
            .map(|(_, lease)| lease))
    }

    /// From the mirror, or from the store for what another replica has just written.
    async fn liveness(&self, key: &InstanceKey) -> Result<Option<(Liveness, LeaseId)>> {
        let known = self.mirror.read(|state| state.entry(key)?.liveness().cloned());
        if known.is_some() {
            return Ok(known);
        }
        let found = self.store.get(keys::liveness(key)).await?;
        Ok(found.and_then(|kv| Some((serde_json::from_slice(&kv.value).ok()?, kv.lease))))
    }
}

fn live(key: &InstanceKey, lease: LeaseId) -> Result<Op> {
    super::held::live(key, &format!("{PREFIX}{key}"), lease)
}

fn encode(registration: &Registration) -> Result<Vec<u8>> {
    super::held::encode(registration)
}

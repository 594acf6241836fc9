//! What operators set.

use nines_model::{InstanceKey, Override, Revision};
use nines_store::{Op, Store, Txn};

use super::{Registry, check, held};
use crate::error::Result;
use crate::keys;

impl Registry {
    /// Sets what an operator wants of an instance, or clears it. The instance need not be registered: the wish is
    /// there when it comes.
    pub async fn set_override(&self, key: &InstanceKey, over: Option<&Override>) -> Result<Revision> {
        check::key(key)?;
        let step = match over {
            Some(over) => {
                over.weight.map_or(Ok(()), check::weight)?;
                Op::put(keys::over(key), held::encode(over)?)
            }
            None => Op::delete(keys::over(key)),
        };
        let done = self.store.txn(Txn::of(vec![step])).await?;
        self.seen(done.revision).await
    }

    /// What an operator set.
    pub fn override_of(&self, key: &InstanceKey) -> Option<Override> {
        self.mirror.read(|state| state.entry(key)?.over().cloned())
    }
}

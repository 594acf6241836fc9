//! Items as they lie in the store.

use nines_model::{ConfigItem, ConfigKey, Revision};
use nines_store::{KeyValue, Keys, MAX_VALUE_BYTES, Range, Store};

use super::Configs;
use crate::error::{Error, Result};
use crate::keys;

/// What a publish needs to know of the item it publishes.
#[derive(Debug, Default)]
pub(super) struct Current {
    /// The version in force, if the item exists.
    pub(super) item: Option<ConfigItem>,
    /// The store's revision of it.
    pub(super) item_changed: Revision,
    /// The last number used.
    pub(super) counter: u64,
    /// The store's revision of the counter.
    pub(super) counter_changed: Revision,
}

impl Configs {
    /// The two reads need not be of one revision: the transaction compares both.
    pub(super) async fn read_current(&self, key: &ConfigKey) -> Result<Current> {
        let (item, _) = self.read(keys::config(key)).await?;
        let (counter, _) = self.read(keys::config_counter(key)).await?;
        Ok(Current {
            item_changed: item.as_ref().map_or(0, |kv| kv.mod_revision),
            item: item.as_ref().map(decode).transpose()?,
            counter_changed: counter.as_ref().map_or(0, |kv| kv.mod_revision),
            counter: counter.as_ref().map_or(Ok(0), decode_counter)?,
        })
    }

    /// One key, with the store's revision at the time.
    pub(super) async fn read(&self, key: String) -> Result<(Option<KeyValue>, Revision)> {
        let mut answer = self.store.range(Range::of(Keys::one(key))).await?;
        Ok((answer.kvs.pop(), answer.revision))
    }
}

/// Quotes and line ends count twice in a record, and the schema lies in it too: it may outgrow the store's bound.
pub(super) fn encode(item: &ConfigItem) -> Result<Vec<u8>> {
    let failed = |error| Error::Internal(format!("cannot write config {}: {error}", item.key));
    let record = serde_json::to_vec(item).map_err(failed)?;
    let size = record.len();
    if size > MAX_VALUE_BYTES {
        let message = format!(
            "content and schema have {size} bytes with their escapes, more than the {MAX_VALUE_BYTES} that a record \
             may have; split the item"
        );
        return Err(Error::TooLarge {
            path: "content",
            message,
        });
    }
    Ok(record)
}

pub(super) fn decode(kv: &KeyValue) -> Result<ConfigItem> {
    let mut item: ConfigItem = serde_json::from_slice(&kv.value).map_err(|error| unreadable(kv, &error))?;
    item.revision = kv.mod_revision;
    Ok(item)
}

fn decode_counter(kv: &KeyValue) -> Result<u64> {
    serde_json::from_slice(&kv.value).map_err(|error| unreadable(kv, &error))
}

fn unreadable(kv: &KeyValue, error: &serde_json::Error) -> Error {
    Error::Internal(format!("the store's record {} cannot be read: {error}", kv.key_str()))
}

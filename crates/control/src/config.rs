//! The configuration centre: items, their immutable numbered versions, and the rules of publishing.
//!
//! A publish checks everything first and then writes current version, history and counter in one transaction that
//! compares what it read, so that concurrent publishers (of this server or another replica) never lose a version.
//! - `if_version`: absent publishes in any case, 0 only when the item does not exist, N only on top of version N.
//! - Content, format and schema as in force already make no new version; the answer says `unchanged`.
//! - A publish without a schema keeps the item's schema.
//! - The newest [`KEPT_VERSIONS`] versions of an item are kept. A deletion keeps them and the counter: a rollback
//!   brings the item back, and no number is used twice.

mod check;
mod decide;
mod effort;
mod history;
mod record;
#[cfg(test)]
mod tests;
mod turns;

use nines_base::Clock;
use nines_model::{ConfigItem, ConfigKey, Format, Revision};
use nines_store::{Backend, Compare, Op, Store, Txn};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::{keys, rivals};
use decide::Decision;
use record::Current;
use turns::Turns;

pub use history::{History, Items};

/// Versions of one item that are kept.
pub const KEPT_VERSIONS: u64 = 100;

/// Tries of one unconditional publish against publishers of other replicas.
const ATTEMPTS: u32 = 64;

/// The configuration centre over a store.
#[derive(Debug)]
pub struct Configs {
    store: Backend,
    clock: Clock,
    turns: Turns,
}

/// What to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    pub key: ConfigKey,
    pub format: Format,
    pub content: String,
    pub schema: SchemaChange,
    pub author: Option<String>,
    pub note: Option<String>,
    pub if_version: Option<u64>,
}

/// What a publish does to the item's schema.
#[derive(Debug, Clone, PartialEq)]
pub enum SchemaChange {
    /// Stays; an item that does not exist gets `otherwise`.
    Keep { otherwise: Option<Value> },
    /// Becomes this, or none.
    Replace(Option<Value>),
}

/// Which version to publish again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    pub key: ConfigKey,
    pub version: u64,
    pub author: Option<String>,
    pub note: Option<String>,
    pub if_version: Option<u64>,
}

/// The version in force after a publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    pub item: ConfigItem,
    /// It was in force before: no version was made.
    pub unchanged: bool,
}

impl Configs {
    pub fn new(store: Backend, clock: Clock) -> Self {
        Self {
            store,
            clock,
            turns: Turns::default(),
        }
    }

    /// Publishes a version.
    pub async fn publish(&self, publish: Publish) -> Result<Published> {
        check::form(&publish)?;
        // The turn is taken once the content is checked, which may take its time: others wait for writes alone.
        let mut turn = None;
        let mut checked = None;
        for attempt in 0..ATTEMPTS {
            let current = self.read_current(&publish.key).await?;
            let mut item = match decide::decide(&current, &publish, &self.now())? {
                Decision::Unchanged(item) => return Ok(Published { item, unchanged: true }),
                Decision::Write(item) => item,
            };
            if turn.is_none() || checked.as_ref() != Some(&item.schema) {
                drop(turn.take());
                checked = Some(check::content(item).await?.schema);
                turn = Some(self.turns.take(&publish.key).await);
                continue;
            }
            if let Some(revision) = self.write(&current, &item).await? {
                item.revision = revision;
                return Ok(Published { item, unchanged: false });
            }
            rivals::give_way(attempt).await;
        }
        Err(busy(&publish.key))
    }

    /// Publishes the content of an old version again, under the schema in force.
    pub async fn rollback(&self, rollback: Rollback) -> Result<Published> {
        check::name(&rollback.key)?;
        let (old, _) = self.version(&rollback.key, rollback.version).await?;
        let note = match &rollback.note {
            Some(note) => format!("rollback to {}: {note}", old.version),
            None => format!("rollback to {}", old.version),
        };
        let publish = Publish {
            key: rollback.key,
            format: old.format,
            content: old.content,
            schema: SchemaChange::Keep { otherwise: old.schema },
            author: rollback.author,
            note: Some(note),
            if_version: rollback.if_version,
        };
        self.publish(publish).await
    }

    /// Ends an item. Its history and its counter stay.
    pub async fn delete(&self, key: &ConfigKey, if_version: Option<u64>) -> Result<Revision> {
        check::name(key)?;
        let _turn = self.turns.take(key).await;
        for attempt in 0..ATTEMPTS {
            let current = self.read_current(key).await?;
            let item = current.item.as_ref().ok_or_else(|| absent(key))?;
            decide::on_top(key, Some(item.version), if_version)?;
            let txn = Txn {
                compares: current.compares(key),
                then: vec![Op::delete(keys::config(key))],
                otherwise: Vec::new(),
            };
            let done = self.store.txn(txn).await?;
            if done.succeeded {
                return Ok(done.revision);
            }
            rivals::give_way(attempt).await;
        }
        Err(busy(key))
    }

    /// Writes the version if nobody published since `current` was read.
    async fn write(&self, current: &Current, item: &ConfigItem) -> Result<Option<Revision>> {
        let record = record::encode(item)?;
        let mut then = vec![
            Op::put(keys::config(&item.key), record.clone()),
            Op::put(keys::config_version(&item.key, item.version), record),
            Op::put(keys::config_counter(&item.key), item.version.to_string()),
        ];
        if let Some(oldest) = item.version.checked_sub(KEPT_VERSIONS).filter(|v| *v > 0) {
            then.push(Op::delete(keys::config_version(&item.key, oldest)));
        }
        let txn = Txn {
            compares: current.compares(&item.key),
            then,
            otherwise: Vec::new(),
        };
        let done = self.store.txn(txn).await?;
        Ok(done.succeeded.then_some(done.revision))
    }

    fn now(&self) -> String {
        let now = jiff::Timestamp::try_from(self.clock.wall()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }
}

impl Current {
    fn compares(&self, key: &ConfigKey) -> Vec<Compare> {
        vec![
            Compare::ModRevision(keys::config(key).into(), self.item_changed),
            Compare::ModRevision(keys::config_counter(key).into(), self.counter_changed),
        ]
    }
}

fn absent(key: &ConfigKey) -> Error {
    Error::NotFound(format!("config {key} does not exist"))
}

fn busy(key: &ConfigKey) -> Error {
    Error::Conflict(format!(
        "config {key} changed {ATTEMPTS} times while it was written; try again when its publishers are done"
    ))
}

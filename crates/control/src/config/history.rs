//! Reading: an item, its versions, the items of a namespace.

use nines_model::{ConfigItem, ConfigKey, Revision, config};
use nines_store::{Keys, Range, Store};

use super::{Configs, absent, check, record};
use crate::error::{Error, Result};
use crate::keys;

/// A page of an item's versions, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub revision: Revision,
    pub versions: Vec<ConfigItem>,
    /// Versions below this one are on the next page.
    pub next: Option<u64>,
}

/// A page of a namespace's items, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Items {
    pub revision: Revision,
    pub items: Vec<ConfigItem>,
    /// Items after this name are on the next page.
    pub next: Option<String>,
}

impl Configs {
    /// The version in force, with the store's revision.
    pub async fn get(&self, key: &ConfigKey) -> Result<(ConfigItem, Revision)> {
        check::name(key)?;
        let (kv, revision) = self.read(keys::config(key)).await?;
        let kv = kv.ok_or_else(|| absent(key))?;
        Ok((record::decode(&kv)?, revision))
    }

    /// One version of the kept ones.
    pub async fn version(&self, key: &ConfigKey, version: u64) -> Result<(ConfigItem, Revision)> {
        check::name(key)?;
        let (kv, revision) = self.read(keys::config_version(key, version)).await?;
        match kv {
            Some(kv) => Ok((record::decode(&kv)?, revision)),
            None => Err(self.no_version(key, version).await?),
        }
    }

    /// At most `limit` versions below `before`. An item that was deleted still has its history.
    pub async fn history(&self, key: &ConfigKey, before: Option<u64>, limit: usize) -> Result<History> {
        check::name(key)?;
        let (numbers, revision) = self.numbers(key).await?;
        if numbers.is_empty() {
            return Err(absent(key));
        }
        let older = |number: &u64| before.is_none_or(|before| *number < before);
        let mut page = numbers.into_iter().rev().filter(older);
        let mut versions = Vec::new();
        for number in page.by_ref().take(limit) {
            // A publish in between may have dropped the oldest.
            if let (Some(kv), _) = self.read(keys::config_version(key, number)).await? {
                versions.push(record::decode(&kv)?);
            }
        }
        let next = page.next().and(versions.last()).map(|last| last.version);
        Ok(History {
            revision,
            versions,
            next,
        })
    }

    /// What changed from one version to another, as a unified diff.
    pub async fn diff(&self, key: &ConfigKey, from: u64, to: u64) -> Result<(String, Revision)> {
        let (old, _) = self.version(key, from).await?;
        let (new, revision) = self.version(key, to).await?;
        let diff = tokio::task::spawn_blocking(move || {
            let names = [old.version, new.version].map(|version| format!("version {version}"));
            config::diff(&names[0], &old.content, &names[1], &new.content)
        });
        let diff = diff.await;
        Ok((
            diff.map_err(|error| Error::Internal(format!("the diff did not end: {error}")))?,
            revision,
        ))
    }

    /// At most `limit` items of a namespace whose names start with `prefix` and come after `after`.
    pub async fn list(&self, namespace: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Items> {
        check::name(&ConfigKey::new(namespace, "any"))?;
        let within = keys::configs(namespace);
        let mut range = Range::of(Keys::prefix(format!("{within}{prefix}")));
        range.keys_only = true;
        let found = self.store.range(range).await?;
        let names = found.kvs.iter().filter_map(|kv| kv.key_str().strip_prefix(&within));
        let mut page = names.filter(|name| after.is_none_or(|after| *name > after));
        let mut items = Vec::new();
        for name in page.by_ref().take(limit) {
            if let (Some(kv), _) = self.read(format!("{within}{name}")).await? {
                items.push(record::decode(&kv)?);
            }
        }
        let next = page.next().and(items.last()).map(|last| last.key.name.clone());
        Ok(Items {
            revision: found.revision,
            items,
            next,
        })
    }

    /// The numbers of the kept versions, oldest first.
    async fn numbers(&self, key: &ConfigKey) -> Result<(Vec<u64>, Revision)> {
        let within = keys::config_versions(key);
        let mut range = Range::of(Keys::prefix(within.clone()));
        range.keys_only = true;
        let found = self.store.range(range).await?;
        let number = |key: &str| key.strip_prefix(&within)?.parse().ok();
        let numbers = found.kvs.iter().filter_map(|kv| number(kv.key_str()));
        Ok((numbers.collect(), found.revision))
    }

    async fn no_version(&self, key: &ConfigKey, version: u64) -> Result<Error> {
        let (numbers, _) = self.numbers(key).await?;
        Ok(match (numbers.first(), numbers.last()) {
            (Some(first), Some(last)) => Error::NotFound(format!(
                "config {key} has no version {version}; versions {first} to {last} are kept"
            )),
            _ => absent(key),
        })
    }
}

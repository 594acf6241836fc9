//! Typed handles on configuration items.

use std::sync::Arc;

use arc_swap::ArcSwap;
use nines_model::{ConfigItem, problem};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

/// A configuration item as a value of the service's own type, always the newest good one. Clones are the same.
#[derive(Debug)]
pub struct ConfigHandle<T>(Arc<Cell<T>>);

#[derive(Debug)]
struct Cell<T> {
    value: ArcSwap<T>,
    default: Arc<T>,
    seen: Mutex<Seen>,
}

/// What was made of which version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Seen {
    #[default]
    Absent,
    Version {
        sha256: String,
        version: u64,
        rejected: Option<String>,
    },
}

/// A handle without its type, as the follower sees it.
pub(crate) trait Slot: Send + Sync + std::fmt::Debug {
    /// Takes the item's newest version, or its absence. Gives why it was refused.
    fn offer(&self, item: Option<&ConfigItem>) -> Option<String>;
}

impl<T> Clone for ConfigHandle<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> ConfigHandle<T> {
    /// The newest good value; the default while the item does not exist. Cheap enough for every request.
    pub fn get(&self) -> Arc<T> {
        self.0.value.load_full()
    }

    /// The version that was offered last and why it was refused, if it was; nothing while the item does not exist.
    pub fn version(&self) -> Option<(u64, Option<String>)> {
        match &*self.0.seen.lock() {
            Seen::Absent => None,
            Seen::Version { version, rejected, .. } => Some((*version, rejected.clone())),
        }
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> ConfigHandle<T> {
    pub(crate) fn new(default: T) -> Self {
        let default = Arc::new(default);
        Self(Arc::new(Cell {
            value: ArcSwap::new(default.clone()),
            default,
            seen: Mutex::default(),
        }))
    }

    pub(crate) fn slot(&self) -> Arc<dyn Slot>
    where
        T: std::marker::Sized,
    {
        Arc::new(Typed(self.0.clone()))
    }
}

struct Typed<T>(Arc<Cell<T>>);

impl<T> std::fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Typed").field(&self.0.seen).finish()
    }
}

impl<T: DeserializeOwned + Send + Sync> Slot for Typed<T> {
    fn offer(&self, item: Option<&ConfigItem>) -> Option<String> {
        let mut seen = self.0.seen.lock();
        let Some(item) = item else {
            if *seen != Seen::Absent {
                self.0.value.store(self.0.default.clone());
                *seen = Seen::Absent;
            }
            return None;
        };
        // The same version is read once. The content's hash tells a version apart from one of another history.
        if let Seen::Version {
            sha256,
            version,
            rejected,
        } = &*seen
            && (*version, sha256) == (item.version, &item.sha256)
        {
            return rejected.clone();
        }
        let rejected = match read::<T>(item) {
            Ok(value) => {
                self.0.value.store(Arc::new(value));
                tracing::info!(item = %item.key, version = item.version, "configuration applied");
                None
            }
            Err(reason) => {
                tracing::error!(item = %item.key, version = item.version, reason, "configuration refused; the last good value stays");
                Some(reason)
            }
        };
        *seen = Seen::Version {
            sha256: item.sha256.clone(),
            version: item.version,
            rejected: rejected.clone(),
        };
        rejected
    }
}

fn read<T: DeserializeOwned>(item: &ConfigItem) -> Result<T, String> {
    let value = nines_model::config::read(item.format, &item.content).map_err(|problems| problem::render(&problems))?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_model::{ConfigKey, Format};

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Discount {
        percent: u32,
    }

    fn item(version: u64, format: Format, content: &str) -> ConfigItem {
        ConfigItem {
            key: ConfigKey::new("default", "orders.discount"),
            version,
            format,
            content: content.into(),
            schema: None,
            sha256: nines_model::config::sha256(content),
            author: None,
            note: None,
            published_at: String::new(),
            revision: version,
        }
    }

    #[test]
    fn a_handle_follows_and_keeps_the_last_good_value() {
        let handle = ConfigHandle::new(Discount { percent: 1 });
        let slot = handle.slot();
        let steps = [
            (None, 1, false),
            (Some(item(1, Format::Json, r#"{"percent": 10}"#)), 10, false),
            (Some(item(2, Format::Yaml, "percent: 20")), 20, false),
            (Some(item(3, Format::Json, r#"{"percent": "many"}"#)), 20, true),
            (Some(item(4, Format::Json, "{")), 20, true),
            (Some(item(5, Format::Toml, "percent = 30")), 30, false),
            (None, 1, false),
            // Deleted and made anew with an old number by a restored control plane.
            (Some(item(5, Format::Json, r#"{"percent": 40}"#)), 40, false),
            (Some(item(5, Format::Json, r#"{"percent": 50}"#)), 50, false),
        ];
        for (index, (item, percent, refused)) in steps.into_iter().enumerate() {
            let said = slot.offer(item.as_ref());
            assert_eq!(
                (handle.get().percent, said.is_some()),
                (percent, refused),
                "step {index}: {said:?}"
            );
            assert_eq!(slot.offer(item.as_ref()), said, "the same answer to the same version");
        }
    }

    #[test]
    fn a_text_is_a_string() {
        let handle = ConfigHandle::new(String::new());
        assert_eq!(handle.slot().offer(Some(&item(1, Format::Text, "hello"))), None);
        assert_eq!(*handle.get(), "hello");
    }
}

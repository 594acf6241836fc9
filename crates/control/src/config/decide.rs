//! What a publish makes of the item's state. Pure.

use nines_model::config::sha256;
use nines_model::{ConfigItem, ConfigKey};

use super::record::Current;
use super::{Publish, SchemaChange};
use crate::error::{Error, Result};

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Decision {
    /// The same is in force already.
    Unchanged(ConfigItem),
    /// This version is to be checked and written.
    Write(ConfigItem),
}

/// The next version, unless `if_version` forbids it or nothing would change.
pub(super) fn decide(current: &Current, publish: &Publish, now: &str) -> Result<Decision> {
    let item = current.item.as_ref();
    on_top(&publish.key, item.map(|item| item.version), publish.if_version)?;
    let schema = schema(item, &publish.schema);
    if let Some(item) = item.filter(|item| same(item, publish, schema.as_ref())) {
        return Ok(Decision::Unchanged(item.clone()));
    }
    Ok(Decision::Write(ConfigItem {
        key: publish.key.clone(),
        version: current.counter + 1,
        format: publish.format,
        content: publish.content.clone(),
        schema,
        sha256: sha256(&publish.content),
        author: publish.author.clone(),
        note: publish.note.clone(),
        published_at: now.to_owned(),
        revision: 0,
    }))
}

/// Compare-and-set: the version that the caller saw must be the one in force; 0 means that there must be none.
pub(super) fn on_top(key: &ConfigKey, in_force: Option<u64>, expected: Option<u64>) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    match in_force {
        Some(version) if version == expected => Ok(()),
        None if expected == 0 => Ok(()),
        Some(version) if expected == 0 => Err(Error::Conflict(format!(
            "config {key} exists at version {version}, but ifVersion 0 says that it must not; \
             give ifVersion {version} to publish on top of it"
        ))),
        Some(version) => Err(Error::Conflict(format!(
            "config {key} is at version {version}, not {expected}; read version {version} and publish on top of it"
        ))),
        None => Err(Error::Conflict(format!(
            "config {key} does not exist (version 0), so it is not at version {expected}; give ifVersion 0 to create it"
        ))),
    }
}

fn schema(item: Option<&ConfigItem>, change: &SchemaChange) -> Option<serde_json::Value> {
    match (change, item) {
        (SchemaChange::Replace(schema), _) => schema.clone(),
        (SchemaChange::Keep { .. }, Some(item)) => item.schema.clone(),
        (SchemaChange::Keep { otherwise }, None) => otherwise.clone(),
    }
}

fn same(item: &ConfigItem, publish: &Publish, schema: Option<&serde_json::Value>) -> bool {
    item.format == publish.format && item.content == publish.content && item.schema.as_ref() == schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_model::Format;
    use serde_json::json;

    fn current(version: u64, content: &str, schema: Option<serde_json::Value>) -> Current {
        let first = match decide(&Current::default(), &publish(content, schema), "t").unwrap() {
            Decision::Write(item) => item,
            Decision::Unchanged(_) => unreachable!("there is nothing yet"),
        };
        Current {
            item: Some(ConfigItem { version, ..first }),
            counter: version,
            ..Current::default()
        }
    }

    fn publish(content: &str, schema: Option<serde_json::Value>) -> Publish {
        Publish {
            key: ConfigKey::new("default", "x"),
            format: Format::Text,
            content: content.into(),
            schema: match schema {
                Some(schema) => SchemaChange::Replace(Some(schema)),
                None => SchemaChange::Keep { otherwise: None },
            },
            author: None,
            note: None,
            if_version: None,
        }
    }

    fn written(current: &Current, publish: &Publish) -> Option<ConfigItem> {
        match decide(current, publish, "t").unwrap() {
            Decision::Write(item) => Some(item),
            Decision::Unchanged(_) => None,
        }
    }

    #[test]
    fn numbers_go_on_from_the_counter_also_after_a_deletion() {
        assert_eq!(written(&Current::default(), &publish("a", None)).unwrap().version, 1);
        let deleted = Current {
            counter: 7,
            ..Current::default()
        };
        assert_eq!(written(&deleted, &publish("a", None)).unwrap().version, 8);
    }

    #[test]
    fn the_same_again_makes_no_version_but_another_schema_does() {
        let state = current(3, "a", Some(json!({})));
        assert_eq!(written(&state, &publish("a", None)), None);
        assert_eq!(written(&state, &publish("b", None)).unwrap().schema, Some(json!({})));
        let mut drop = publish("a", None);
        drop.schema = SchemaChange::Replace(None);
        assert_eq!(written(&state, &drop).unwrap().schema, None);
    }

    #[test]
    fn compare_and_set_names_both_versions() {
        let key = ConfigKey::new("default", "x");
        let said = |in_force, expected| on_top(&key, in_force, Some(expected)).unwrap_err().to_string();
        assert!(on_top(&key, Some(4), Some(4)).is_ok());
        assert!(on_top(&key, None, Some(0)).is_ok());
        assert!(on_top(&key, Some(4), None).is_ok());
        assert!(said(Some(5), 4).contains("is at version 5, not 4"));
        assert!(said(Some(5), 0).contains("exists at version 5"));
        assert!(said(None, 4).contains("does not exist"));
    }
}

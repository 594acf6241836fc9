//! Changes of the catalog.

use nines_model::{Change, ConfigItem, ConfigKey, Kind, Resource, ResourceKey};
use prost::bytes::Bytes;

use super::{ConvertError, Result, config_item_name, instance, name, present, quote};
use crate::proto;
use crate::proto::change::Subject;

/// A change with its documents in JSON. A resource's revision is not part of the model; the sender knows it.
pub fn change_to_proto(change: &Change, revision: u64) -> Result<proto::Change> {
    let subject = match change {
        Change::Instance(instance) => Subject::Instance(instance::instance_to_proto(instance)),
        Change::Resource(resource) => Subject::Resource(proto::ResourceDocument {
            name: Some(resource_name(&resource.key())),
            json: resource.to_json().to_string().into_bytes().into(),
            revision,
        }),
        Change::Config(item) => Subject::Config(proto::ConfigVersion {
            name: Some(config_name(&item.key)),
            json: config_json(item)?,
        }),
        Change::InstanceGone(key) => Subject::InstanceGone(instance::key_to_proto(key)),
        Change::ResourceGone(key) => Subject::ResourceGone(resource_name(key)),
        Change::ConfigGone(key) => Subject::ConfigGone(config_name(key)),
    };
    Ok(wrap(subject))
}

/// Wraps a subject that is in its message form already.
pub fn wrap(subject: Subject) -> proto::Change {
    proto::Change { subject: Some(subject) }
}

pub fn change_from_proto(change: proto::Change) -> Result<Change> {
    Ok(match present("subject", change.subject)? {
        Subject::Instance(instance) => {
            Change::Instance(instance::instance_from_proto(instance).map_err(|e| e.inside("instance"))?)
        }
        Subject::InstanceGone(key) => Change::InstanceGone(instance::key_from_proto("instance_gone", Some(key))?),
        Subject::Resource(document) => Change::Resource(resource(document)?),
        Subject::ResourceGone(key) => Change::ResourceGone(resource_key("resource_gone", Some(key))?),
        Subject::Config(version) => Change::Config(config(version)?),
        Subject::ConfigGone(key) => Change::ConfigGone(config_key("config_gone", Some(key))?),
    })
}

pub fn resource_name(key: &ResourceKey) -> proto::ResourceName {
    proto::ResourceName {
        kind: key.kind.as_str().into(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    }
}

pub fn config_name(key: &ConfigKey) -> proto::ConfigName {
    proto::ConfigName {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    }
}

pub(super) fn kind(field: &str, word: &str) -> Result<Kind> {
    let known = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
    known.ok_or_else(|| ConvertError::new(field, format!("{} is not a kind of resource", quote(word))))
}

fn resource_key(field: &str, key: Option<proto::ResourceName>) -> Result<ResourceKey> {
    let key = present(field, key)?;
    Ok(ResourceKey {
        kind: kind(&format!("{field}.kind"), &key.kind)?,
        namespace: name(&format!("{field}.namespace"), key.namespace)?,
        name: name(&format!("{field}.name"), key.name)?,
    })
}

fn config_key(field: &str, key: Option<proto::ConfigName>) -> Result<ConfigKey> {
    let key = present(field, key)?;
    let namespace = name(&format!("{field}.namespace"), key.namespace)?;
    let name = config_item_name(&format!("{field}.name"), key.name)?;
    Ok(ConfigKey::new(namespace, name))
}

fn resource(document: proto::ResourceDocument) -> Result<Resource> {
    let key = resource_key("resource.name", document.name)?;
    let json = json("resource.json", &document.json)?;
    let wrong = |problem: nines_model::Problem| ConvertError::new("resource.json", problem.to_string());
    let resource = Resource::from_json(&json).map_err(wrong)?;
    if resource.key() != key {
        let reason = format!("the document is {}, not {key}", resource.key());
        return Err(ConvertError::new("resource.json", reason));
    }
    Ok(resource)
}

fn config(version: proto::ConfigVersion) -> Result<ConfigItem> {
    let key = config_key("config.name", version.name)?;
    let item: ConfigItem = json("config.json", &version.json)?;
    if item.key != key {
        return Err(ConvertError::new(
            "config.json",
            format!("the item is {}, not {key}", item.key),
        ));
    }
    Ok(item)
}

fn json<T: serde::de::DeserializeOwned>(field: &str, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| ConvertError::new(field, error.to_string()))
}

fn config_json(item: &ConfigItem) -> Result<Bytes> {
    let json = serde_json::to_vec(item).map_err(|error| ConvertError::new("config.json", error.to_string()))?;
    Ok(json.into())
}

//! Deltas as protobuf messages. Documents are shared, not copied.

use nines_model::Revision;
use nines_store::History;
use nines_wire::convert::{config_name, instance_to_proto, key_to_proto, resource_name, wrap};
use nines_wire::proto;
use nines_wire::proto::change::Subject;

use crate::mirror::{Delta, Item};

pub(super) fn batch(delta: Delta, history: &History) -> proto::Batch {
    proto::Batch {
        revision: delta.revision,
        full: delta.full,
        changes: delta.items.into_iter().map(|item| wrap(subject(item))).collect(),
        history: Some(proto::History {
            store: history.store,
            opening: history.opening,
        }),
    }
}

pub(super) fn mark(revision: Revision) -> proto::Batch {
    proto::Batch {
        revision,
        full: false,
        changes: Vec::new(),
        // The first batch has named it.
        history: None,
    }
}

fn subject(item: Item) -> Subject {
    match item {
        Item::Instance(instance) => Subject::Instance(instance_to_proto(&instance)),
        Item::InstanceGone(key) => Subject::InstanceGone(key_to_proto(&key)),
        Item::Resource(document) => Subject::Resource(proto::ResourceDocument {
            name: Some(resource_name(&document.resource.key())),
            json: document.json.clone(),
            revision: document.revision,
        }),
        Item::ResourceGone(key) => Subject::ResourceGone(resource_name(&key)),
        Item::Config(published) => Subject::Config(proto::ConfigVersion {
            name: Some(config_name(&published.item.key)),
            json: published.json.clone(),
        }),
        Item::ConfigGone(key) => Subject::ConfigGone(config_name(&key)),
    }
}

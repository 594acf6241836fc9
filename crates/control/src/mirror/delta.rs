//! What a subscriber has yet to hear: pure, from the state and the position it has reached.

use std::collections::BTreeSet;
use std::sync::Arc;

use nines_model::{ConfigKey, Instance, InstanceKey, Interest, ResourceKey, Revision};

use super::Subject;
use super::state::{Document, Published, State};

/// What leads a subscriber to `revision`.
#[derive(Debug, Clone)]
pub struct Delta {
    pub revision: Revision,
    /// What is not named does not exist.
    pub full: bool,
    pub items: Vec<Item>,
}

/// The newest state of one subject. Values are shared.
#[derive(Debug, Clone)]
pub enum Item {
    Instance(Arc<Instance>),
    InstanceGone(InstanceKey),
    Resource(Arc<Document>),
    ResourceGone(ResourceKey),
    Config(Arc<Published>),
    ConfigGone(ConfigKey),
}

/// Changes since `position`, each subject once and in its newest state, or everything if the recent past does not
/// reach back so far. The answer does not grow with the number of changes, only with what there is to know.
pub(super) fn delta(state: &State, interest: &Interest, position: Option<Revision>) -> Delta {
    let revision = state.revision();
    match position.and_then(|position| changed(state, interest, position)) {
        Some(subjects) => Delta {
            revision,
            full: false,
            items: subjects.into_iter().map(|subject| item(state, subject)).collect(),
        },
        None => Delta {
            revision,
            full: true,
            items: everything(state, interest),
        },
    }
}

fn changed<'a>(state: &'a State, interest: &Interest, position: Revision) -> Option<BTreeSet<&'a Subject>> {
    // A position ahead of this server is of another history, or of a replica that is ahead: neither can be built upon.
    if position > state.revision() {
        return None;
    }
    let recent = state.since(position)?;
    Some(recent.filter(|subject| concerns(interest, subject)).collect())
}

fn concerns(interest: &Interest, subject: &Subject) -> bool {
    match subject {
        Subject::Instance(key) => interest.wants_service(&key.service),
        Subject::Resource(key) => interest.wants_resource(key),
        Subject::Config(key) => interest.wants_config(key),
    }
}

fn item(state: &State, subject: &Subject) -> Item {
    match subject {
        Subject::Instance(key) => match state.instance(key) {
            Some(instance) => Item::Instance(instance.clone()),
            None => Item::InstanceGone(key.clone()),
        },
        Subject::Resource(key) => match state.resources().get(key) {
            Some(document) => Item::Resource(document.clone()),
            None => Item::ResourceGone(key.clone()),
        },
        Subject::Config(key) => match state.configs().get(key) {
            Some(item) => Item::Config(item.clone()),
            None => Item::ConfigGone(key.clone()),
        },
    }
}

fn everything(state: &State, interest: &Interest) -> Vec<Item> {
    let mut items = Vec::new();
    for (key, service) in state.services() {
        if interest.wants_service(key) {
            items.extend(service.instances().cloned().map(Item::Instance));
        }
    }
    let resources = state.resources().iter().filter(|(key, _)| interest.wants_resource(key));
    items.extend(resources.map(|(_, document)| Item::Resource(document.clone())));
    let configs = interest.configs.iter().filter_map(|key| state.configs().get(key));
    items.extend(configs.cloned().map(Item::Config));
    items
}

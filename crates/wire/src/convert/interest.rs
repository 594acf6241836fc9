//! What a subscriber asks for.

use std::collections::BTreeMap;

use nines_model::{ConfigKey, Interest, Kind, Namespaces, Revision, ServiceKey};

use super::{ConvertError, Result, catalog, config_item_name, name};
use crate::proto;

/// The most names in one interest.
pub const MAX_INTEREST: usize = 10_000;
const MAX_SUBSCRIBER: usize = 256;
const MAX_LABELS: usize = 64;
const MAX_LABEL: usize = 256;

/// The first message of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscribe {
    /// For people: name and version of the subscriber.
    pub subscriber: String,
    pub interest: Interest,
    /// The revision that was applied last with the same interest; 0 asks for the full state.
    pub resume_from: Revision,
    /// For gray releases.
    pub labels: BTreeMap<String, String>,
    /// The history that `resume_from` counts in, if it is known.
    pub history: Option<proto::History>,
}

impl Subscribe {
    pub fn to_proto(&self) -> proto::Interest {
        proto::Interest {
            subscriber: self.subscriber.clone(),
            services: services_to_proto(&self.interest),
            kinds: kinds_to_proto(&self.interest),
            configs: self.interest.configs.iter().map(config_to_proto).collect(),
            resume_from: self.resume_from,
            labels: self.labels.clone().into_iter().collect(),
            history: self.history,
        }
    }

    pub fn from_proto(message: proto::Interest) -> Result<Self> {
        let size = message.services.len() + message.kinds.len() + message.configs.len();
        if size > MAX_INTEREST {
            let reason = format!("{size} names, at most {MAX_INTEREST}; ask for whole namespaces");
            return Err(ConvertError::new("interest", reason));
        }
        let mut interest = Interest::default();
        for (index, service) in message.services.into_iter().enumerate() {
            add_service(&mut interest, &format!("services[{index}]"), service)?;
        }
        for (index, wanted) in message.kinds.into_iter().enumerate() {
            add_kind(&mut interest.kinds, &format!("kinds[{index}]"), wanted)?;
        }
        for (index, config) in message.configs.into_iter().enumerate() {
            interest
                .configs
                .insert(config_from_proto(&format!("configs[{index}]"), config)?);
        }
        Ok(Self {
            subscriber: subscriber(message.subscriber)?,
            interest,
            resume_from: message.resume_from,
            labels: labels(message.labels.into_iter().collect())?,
            history: message.history,
        })
    }
}

fn services_to_proto(interest: &Interest) -> Vec<proto::ServiceInterest> {
    let message = |namespace: &str, service: &str| proto::ServiceInterest {
        namespace: namespace.into(),
        service: service.into(),
    };
    let mut services = match &interest.namespaces {
        Namespaces::All => vec![message("", "")],
        Namespaces::Only(names) => names.iter().map(|namespace| message(namespace, "")).collect(),
    };
    services.extend(interest.services.iter().map(|key| message(&key.namespace, &key.name)));
    services
}

/// Both empty is every service there is; a service needs its namespace.
fn add_service(interest: &mut Interest, field: &str, service: proto::ServiceInterest) -> Result<()> {
    if service.namespace.is_empty() && service.service.is_empty() {
        interest.namespaces = Namespaces::All;
        return Ok(());
    }
    let namespace = name(&format!("{field}.namespace"), service.namespace)?;
    if service.service.is_empty() {
        interest.namespaces.insert(namespace);
    } else {
        let service = name(&format!("{field}.service"), service.service)?;
        interest.services.insert(ServiceKey::new(namespace, service));
    }
    Ok(())
}

fn kinds_to_proto(interest: &Interest) -> Vec<proto::KindInterest> {
    let message = |namespace: &str, kind: Kind| proto::KindInterest {
        namespace: namespace.into(),
        kind: kind.as_str().into(),
    };
    let mut kinds = Vec::new();
    for (kind, namespaces) in &interest.kinds {
        match namespaces {
            Namespaces::All => kinds.push(message("", *kind)),
            Namespaces::Only(names) => kinds.extend(names.iter().map(|namespace| message(namespace, *kind))),
        }
    }
    kinds
}

fn add_kind(kinds: &mut BTreeMap<Kind, Namespaces>, field: &str, wanted: proto::KindInterest) -> Result<()> {
    let kind = catalog::kind(&format!("{field}.kind"), &wanted.kind)?;
    if wanted.namespace.is_empty() {
        kinds.insert(kind, Namespaces::All);
        return Ok(());
    }
    let namespace = name(&format!("{field}.namespace"), wanted.namespace)?;
    kinds.entry(kind).or_default().insert(namespace);
    Ok(())
}

fn config_to_proto(key: &ConfigKey) -> proto::ConfigInterest {
    proto::ConfigInterest {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    }
}

fn config_from_proto(field: &str, config: proto::ConfigInterest) -> Result<ConfigKey> {
    let namespace = name(&format!("{field}.namespace"), config.namespace)?;
    let name = config_item_name(&format!("{field}.name"), config.name)?;
    Ok(ConfigKey::new(namespace, name))
}

fn subscriber(text: String) -> Result<String> {
    if text.is_empty() || text.len() > MAX_SUBSCRIBER || text.chars().any(char::is_control) {
        let reason = format!("say who subscribes in 1 to {MAX_SUBSCRIBER} printable bytes");
        return Err(ConvertError::new("subscriber", reason));
    }
    Ok(text)
}

fn labels(labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let long = |text: &String| text.len() > MAX_LABEL || text.chars().any(char::is_control);
    if labels.len() > MAX_LABELS
        || labels
            .iter()
            .any(|(name, value)| name.is_empty() || long(name) || long(value))
    {
        let reason = format!("at most {MAX_LABELS} labels of up to {MAX_LABEL} printable bytes each");
        return Err(ConvertError::new("labels", reason));
    }
    Ok(labels)
}

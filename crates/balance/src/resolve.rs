//! From the catalog to the members of a service.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use nines_model::service::{Endpoint, Selector};
use nines_model::{Catalog, Instance, InstanceState, Kind, Resource, ResourceKey, Service, ServiceKey};

/// An instance's labels, shared between sets.
pub type Labels = Arc<BTreeMap<String, String>>;

/// Somebody who can take requests of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The instance's id, or the address of a static endpoint.
    pub id: String,
    pub address: SocketAddr,
    /// Above 0.
    pub weight: u32,
    pub labels: Labels,
    /// `Ready` or `Suspect`; suspects are the last choice.
    pub state: InstanceState,
}

impl Member {
    /// Whether it is to be picked only when no other is left.
    pub fn suspect(&self) -> bool {
        self.state == InstanceState::Suspect
    }
}

/// The members of a service that take traffic, the ready ones first, each group by id.
///
/// A Service resource says who they are: the registered instances its selector names, narrowed by labels, on its named
/// port, and its static endpoints. Without a resource they are the registered instances of that name. An instance
/// without the named port and a static endpoint that is no `IP:PORT` are no members (validation reports the latter).
pub fn resolve(catalog: &Catalog, key: &ServiceKey) -> Vec<Member> {
    let service = resource(catalog, key);
    let mut members: Vec<Member> = selected(catalog, key, service).collect();
    members.extend(service.iter().flat_map(|s| &s.endpoints).filter_map(static_member));
    members.sort_by(|a, b| (a.suspect(), &a.id).cmp(&(b.suspect(), &b.id)));
    members.dedup_by(|a, b| a.id == b.id);
    members
}

/// The registered service whose instances `key` stands for: its selector's service, or the one of its own name.
pub fn registered(catalog: &Catalog, key: &ServiceKey) -> ServiceKey {
    let named = resource(catalog, key)
        .and_then(|service| service.selector.as_ref())
        .and_then(|selector| selector.service.as_ref());
    match named {
        Some(name) => ServiceKey::new(&key.namespace, name),
        None => key.clone(),
    }
}

fn resource<'a>(catalog: &'a Catalog, key: &ServiceKey) -> Option<&'a Service> {
    let key = ResourceKey {
        kind: Kind::Service,
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    };
    match catalog.resources.get(&key) {
        Some(Resource::Service(object)) => Some(&object.spec),
        _ => None,
    }
}

fn selected<'a>(
    catalog: &'a Catalog,
    key: &ServiceKey,
    service: Option<&'a Service>,
) -> impl Iterator<Item = Member> + 'a {
    let selector = service.and_then(|s| s.selector.as_ref());
    let port = service.and_then(|s| s.port.as_deref());
    catalog
        .instances
        .get(&registered(catalog, key))
        .into_iter()
        .flat_map(BTreeMap::values)
        .filter(move |instance| instance.takes_traffic() && selects(selector, instance))
        .filter_map(move |instance| member(instance, port))
}

fn selects(selector: Option<&Selector>, instance: &Instance) -> bool {
    selector.is_none_or(|selector| {
        let mut labels = selector.labels.iter();
        labels.all(|(name, value)| instance.labels.get(name) == Some(value))
    })
}

fn member(instance: &Instance, port: Option<&str>) -> Option<Member> {
    Some(Member {
        id: instance.key.id.clone(),
        address: instance.socket(port)?,
        weight: instance.weight,
        labels: Arc::new(instance.labels.clone()),
        state: instance.state,
    })
}

fn static_member(endpoint: &Endpoint) -> Option<Member> {
    let address = endpoint.address.parse().ok()?;
    (endpoint.weight > 0).then(|| Member {
        id: endpoint.address.clone(),
        address,
        weight: endpoint.weight,
        labels: Arc::new(endpoint.labels.clone()),
        state: InstanceState::Ready,
    })
}

#[cfg(test)]
mod tests;

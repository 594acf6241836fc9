//! Services and their instances as lists.

use axum::extract::State;
use nines_model::{ServiceKey, name};
use nines_wire::rest::{InstanceListView, ServiceListView, ServiceSummary};
use serde::Deserialize;
use utoipa::IntoParams;

use super::AppState;
use super::answer::Answer;
use super::error::Result;
use super::extract::{NoParams, Params, Segments};
use super::poll::PollQuery;
use crate::error::Error;

/// A namespace.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct NamespacePath {
    /// `default`, `shop`, …
    pub(super) namespace: String,
}

/// A service.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ServicePath {
    namespace: String,
    service: String,
}

impl NamespacePath {
    pub(super) fn check(self) -> Result<String> {
        name::check(&self.namespace).map_err(|error| Error::invalid("namespace", error))?;
        Ok(self.namespace)
    }
}

impl ServicePath {
    fn key(self) -> Result<ServiceKey> {
        name::check(&self.namespace).map_err(|error| Error::invalid("namespace", error))?;
        name::check(&self.service).map_err(|error| Error::invalid("service", error))?;
        Ok(ServiceKey::new(self.namespace, self.service))
    }
}

/// The services of a namespace that have instances.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/services", tag = "services", params(NamespacePath),
    responses((status = 200, description = "By name", body = ServiceListView)))]
pub(super) async fn list_services(
    State(state): State<AppState>,
    path: Segments<NamespacePath>,
    _: Params<NoParams>,
) -> Result<Answer<ServiceListView>> {
    let namespace = path.0.check()?;
    let (counts, revision) = state.registry.services(Some(&namespace));
    let services = counts.into_iter().map(|counts| ServiceSummary {
        name: counts.service.name,
        instances: counts.instances,
        serving: counts.ready,
    });
    let body = ServiceListView {
        revision,
        services: services.collect(),
    };
    Ok(Answer { revision, body })
}

/// The instances of a service. With `revision` and `wait` the answer waits for something newer (long poll). A service
/// that nobody registered has no instances.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/services/{service}/instances", tag = "services",
    params(ServicePath, PollQuery),
    responses((status = 200, description = "By id", body = InstanceListView)))]
pub(super) async fn list_instances(
    State(state): State<AppState>,
    path: Segments<ServicePath>,
    Params(query): Params<PollQuery>,
) -> Result<Answer<InstanceListView>> {
    let key = path.0.key()?;
    if let Some((seen, wait)) = query.waiting()? {
        state.polls.hold(state.registry.wait(&key, seen, wait), wait).await?;
    }
    let (instances, revision) = state.registry.instances(&key);
    let body = InstanceListView {
        revision,
        instances: instances.iter().map(|instance| (&**instance).into()).collect(),
    };
    Ok(Answer { revision, body })
}

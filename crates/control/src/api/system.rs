//! The control plane itself.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use nines_model::ServiceKey;
use nines_store::Store;
use nines_wire::rest::{NamespaceListView, StatusView, StoreView};

use super::AppState;
use super::answer::Answer;
use super::error::Result;
use super::extract::{NoParams, Params};
use super::openapi;
use crate::error::Error;
use crate::mirror::{Service, State as Known};

/// The namespaces that hold an instance, a configuration item or a resource.
#[utoipa::path(get, path = "/v1/namespaces", tag = "system",
    responses((status = 200, description = "By name", body = NamespaceListView)))]
pub(super) async fn list_namespaces(
    State(state): State<AppState>,
    _: Params<NoParams>,
) -> Result<Answer<NamespaceListView>> {
    let body = state.mirror.read(|known| NamespaceListView {
        revision: known.revision(),
        namespaces: namespaces(known).into_iter().cloned().collect(),
    });
    let revision = body.revision;
    Ok(Answer { revision, body })
}

/// The server in numbers.
#[utoipa::path(get, path = "/v1/status", tag = "system",
    responses((status = 200, description = "Now", body = StatusView)))]
pub(super) async fn status(State(state): State<AppState>, _: Params<NoParams>) -> Result<Answer<StatusView>> {
    let store = state.store.status().await.map_err(Error::from)?;
    let subscribers = state.hub.subscriber_count();
    let uptime = state.clock.now().saturating_duration_since(state.started);
    let body = state.mirror.read(|known| StatusView {
        version: env!("CARGO_PKG_VERSION").into(),
        uptime,
        revision: known.revision(),
        store: StoreView {
            revision: store.revision,
            compacted: store.compacted,
            keys: store.keys,
            leases: store.leases,
            size: store.size,
        },
        subscribers,
        sessions: known.session_count(),
        namespaces: namespaces(known).len(),
        services: serving(known).count(),
        instances: serving(known).map(|(_, service)| service.instances().count()).sum(),
        configs: known.configs().len(),
        resources: known.resources().len(),
    });
    let revision = body.revision;
    Ok(Answer { revision, body })
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "system",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
pub(super) async fn openapi_document(_: Params<NoParams>) -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let json = DOCUMENT.get_or_init(|| {
        openapi::document()
            .to_json()
            .expect("the document has only string keys")
    });
    ([(CONTENT_TYPE, "application/json")], json.as_str()).into_response()
}

/// Services with instances; a name may be known for an override alone.
fn serving(known: &Known) -> impl Iterator<Item = (&ServiceKey, &Service)> {
    let services = known.services().iter();
    services.filter(|(_, service)| service.instances().next().is_some())
}

fn namespaces(known: &Known) -> BTreeSet<&String> {
    let services = serving(known).map(|(key, _)| &key.namespace);
    let configs = known.configs().keys().map(|key| &key.namespace);
    let resources = known.resources().keys().map(|key| &key.namespace);
    services.chain(configs).chain(resources).collect()
}

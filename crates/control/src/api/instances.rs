//! One instance: register, renew, deregister, look at, override.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::State;
use nines_base::Kind;
use nines_model::instance::DEFAULT_WEIGHT;
use nines_model::{InstanceKey, InstanceState, Override, Port, Registration, ServiceKey, name};
use nines_wire::rest::{InstanceDetail, OverrideRequest, OverrideView, RegisterRequest, RegisteredView, RevisionView};
use serde::Deserialize;
use utoipa::IntoParams;

use super::AppState;
use super::answer::Answer;
use super::error::{Failure, Result};
use super::extract::{Body, NoParams, Params, Segments};
use crate::error::Error;

/// An instance.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct InstancePath {
    namespace: String,
    service: String,
    /// Unique within the service.
    id: String,
}

impl InstancePath {
    fn key(self) -> Result<InstanceKey> {
        let fields = [
            ("namespace", &self.namespace),
            ("service", &self.service),
            ("id", &self.id),
        ];
        for (field, value) in fields {
            name::check(value).map_err(|error| Error::invalid(field, error))?;
        }
        Ok(InstanceKey::new(ServiceKey::new(self.namespace, self.service), self.id))
    }
}

/// Registers an instance, or replaces what is registered of it, for `ttl` from now.
#[utoipa::path(put, path = "/v1/namespaces/{namespace}/services/{service}/instances/{id}", tag = "instances",
    params(InstancePath), request_body = RegisterRequest,
    responses((status = 200, description = "Registered", body = RegisteredView)))]
pub(super) async fn register(
    State(state): State<AppState>,
    path: Segments<InstancePath>,
    _: Params<NoParams>,
    Body(request): Body<RegisterRequest>,
) -> Result<Answer<RegisteredView>> {
    let key = path.0.key()?;
    let ttl = request.ttl.ok_or_else(no_ttl)?;
    let registration = registration(request)?;
    let registered = state.registry.register(&key, &registration, ttl).await?;
    Ok(answer_registered(registered.revision, registered.ttl))
}

/// Renews an instance for its time to live. 404 when it is not registered (any more): register again.
#[utoipa::path(put, path = "/v1/namespaces/{namespace}/services/{service}/instances/{id}/heartbeat",
    tag = "instances", params(InstancePath),
    responses((status = 200, description = "Renewed", body = RegisteredView)))]
pub(super) async fn heartbeat(
    State(state): State<AppState>,
    path: Segments<InstancePath>,
    _: Params<NoParams>,
) -> Result<Answer<RegisteredView>> {
    let key = path.0.key()?;
    let renewed = state.registry.heartbeat(&key).await?;
    Ok(answer_registered(renewed.revision, renewed.ttl))
}

/// Ends a registration at once.
#[utoipa::path(delete, path = "/v1/namespaces/{namespace}/services/{service}/instances/{id}", tag = "instances",
    params(InstancePath), responses((status = 200, description = "Gone", body = RevisionView)))]
pub(super) async fn deregister(
    State(state): State<AppState>,
    path: Segments<InstancePath>,
    _: Params<NoParams>,
) -> Result<Answer<RevisionView>> {
    let key = path.0.key()?;
    let revision = state.registry.deregister(&key).await?;
    let body = RevisionView { revision };
    Ok(Answer { revision, body })
}

/// One instance, with the override in force.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/services/{service}/instances/{id}", tag = "instances",
    params(InstancePath), responses((status = 200, description = "As subscribers see it", body = InstanceDetail)))]
pub(super) async fn get_instance(
    State(state): State<AppState>,
    path: Segments<InstancePath>,
    _: Params<NoParams>,
) -> Result<Answer<InstanceDetail>> {
    let key = path.0.key()?;
    let over = state.registry.override_of(&key);
    let (found, revision) = state.registry.instance(&key);
    let instance = found.ok_or_else(|| unregistered(&key))?;
    let body = InstanceDetail {
        revision,
        instance: instance.as_ref().into(),
        over: over.as_ref().map(OverrideRequest::from),
    };
    Ok(Answer { revision, body })
}

/// Sets what an operator wants of an instance. It outlives restarts and may be set before the instance registers.
#[utoipa::path(put, path = "/v1/namespaces/{namespace}/services/{service}/instances/{id}/override",
    tag = "instances", params(InstancePath), request_body = OverrideRequest,
    responses((status = 200, description = "In force", body = OverrideView)))]
pub(super) async fn put_override(
    State(state): State<AppState>,
    path: Segments<InstancePath>,
    _: Params<NoParams>,
    Body(request): Body<OverrideRequest>,
) -> Result<Answer<OverrideView>> {
    let key = path.0.key()?;
    let over = Override::from(request.clone());
    let revision = state.registry.set_override(&key, Some(&over)).await?;
    let over = Some(request);
    Ok(Answer {
        revision,
        body: OverrideView { revision, over },
    })
}

/// Clears the override: the instance speaks for itself again. 404 when neither the instance nor an override is there.
#[utoipa::path(delete, path = "/v1/namespaces/{namespace}/services/{service}/instances/{id}/override",
    tag = "instances", params(InstancePath),
    responses((status = 200, description = "Cleared", body = OverrideView)))]
pub(super) async fn delete_override(
    State(state): State<AppState>,
    path: Segments<InstancePath>,
    _: Params<NoParams>,
) -> Result<Answer<OverrideView>> {
    let key = path.0.key()?;
    if state.registry.override_of(&key).is_none() && state.registry.instance(&key).0.is_none() {
        return Err(unregistered(&key));
    }
    let revision = state.registry.set_override(&key, None).await?;
    Ok(Answer {
        revision,
        body: OverrideView { revision, over: None },
    })
}

fn unregistered(key: &InstanceKey) -> Failure {
    Failure::new(Kind::NotFound, format!("instance {key} is not registered"))
}

fn registration(request: RegisterRequest) -> Result<Registration> {
    if request.port == 0 {
        return Err(Failure::invalid(
            "port",
            "nobody can reach port 0; give the port that the instance listens on",
        ));
    }
    Ok(Registration {
        address: address(&request.address)?,
        ports: vec![Port {
            name: "http".into(),
            number: request.port,
            protocol: request.protocol.unwrap_or_default(),
        }],
        labels: request.labels,
        weight: request.weight.unwrap_or(DEFAULT_WEIGHT),
        state: request.state.unwrap_or(InstanceState::Ready),
    })
}

fn address(text: &str) -> Result<IpAddr> {
    let shown: String = text.chars().take(80).collect();
    text.parse().map_err(|_| {
        let message = format!("`{shown}` is not an IP address; give one such as 10.0.0.7 or 2001:db8::7");
        Failure::invalid("address", message)
    })
}

fn no_ttl() -> Failure {
    Failure::invalid(
        "ttl",
        "there is no ttl; give the time that the instance lives without being renewed, for example \"ttl\": \"30s\"",
    )
}

fn answer_registered(revision: u64, ttl: Duration) -> Answer<RegisteredView> {
    let body = RegisteredView { revision, ttl };
    Answer { revision, body }
}

//! Resources: apply, list, get, delete.

use axum::extract::State;
use nines_base::Kind as Failed;
use nines_model::{Kind, ResourceKey, name};
use nines_wire::rest::{self, AppliedView, ApplyView, ResourceDetail, ResourceListView, RevisionView};
use serde::Deserialize;
use utoipa::IntoParams;

use super::AppState;
use super::answer::Answer;
use super::error::{Failure, Result};
use super::extract::{NoParams, Params, Segments, Text};
use crate::error::Error;
use crate::resource::{Applied, Outcome, Step};

/// How to apply.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ApplyQuery {
    /// Check and show the difference, write nothing.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    dry_run: bool,
}

/// A kind.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct KindPath {
    /// `Gateway`, `HTTPRoute`, `Service` or `Policy`, in any case.
    kind: String,
}

/// A resource.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ResourcePath {
    /// `Gateway`, `HTTPRoute`, `Service` or `Policy`, in any case.
    kind: String,
    namespace: String,
    name: String,
}

/// Which resources.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only of this namespace.
    namespace: Option<String>,
}

impl ResourcePath {
    fn key(self) -> Result<ResourceKey> {
        let kind = kind(&self.kind)?;
        name::check(&self.namespace).map_err(|error| Error::invalid("namespace", error))?;
        name::check(&self.name).map_err(|error| Error::invalid("name", error))?;
        Ok(ResourceKey {
            kind,
            namespace: self.namespace,
            name: self.name,
        })
    }
}

/// Applies documents, all or none: YAML (several separated by `---`) or JSON, at most 1000.
#[utoipa::path(post, path = "/v1/apply", tag = "resources", params(ApplyQuery),
    request_body(content_type = "application/yaml", content = String, example = "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: orders-v2}\nspec: {selector: {service: orders, labels: {version: v2}}}\n"),
    responses((status = 200, description = "Applied, or what would be", body = ApplyView)))]
pub(super) async fn apply(
    State(state): State<AppState>,
    Params(query): Params<ApplyQuery>,
    Text(text): Text,
) -> Result<Answer<ApplyView>> {
    let applied = state.resources.apply(text, query.dry_run).await?;
    let revision = applied.revision;
    state.seen(revision).await?;
    let body = view(applied, query.dry_run);
    Ok(Answer { revision, body })
}

/// The resources of a kind.
#[utoipa::path(get, path = "/v1/resources/{kind}", tag = "resources", params(KindPath, ListQuery),
    responses((status = 200, description = "By namespace and name", body = ResourceListView)))]
pub(super) async fn list_resources(
    State(state): State<AppState>,
    path: Segments<KindPath>,
    Params(query): Params<ListQuery>,
) -> Result<Answer<ResourceListView>> {
    let kind = kind(&path.0.kind)?;
    if let Some(namespace) = &query.namespace {
        name::check(namespace).map_err(|error| Error::invalid("namespace", error))?;
    }
    let (resources, revision) = state.resources.list(kind, query.namespace.as_deref()).await?;
    let body = ResourceListView {
        revision,
        resources: resources.iter().map(|resource| resource.to_json()).collect(),
    };
    Ok(Answer { revision, body })
}

/// One resource.
#[utoipa::path(get, path = "/v1/resources/{kind}/{namespace}/{name}", tag = "resources", params(ResourcePath),
    responses((status = 200, description = "The document", body = ResourceDetail)))]
pub(super) async fn get_resource(
    State(state): State<AppState>,
    path: Segments<ResourcePath>,
    _: Params<NoParams>,
) -> Result<Answer<ResourceDetail>> {
    let (resource, revision) = state.resources.get(&path.0.key()?).await?;
    let body = ResourceDetail {
        revision,
        resource: resource.to_json(),
    };
    Ok(Answer { revision, body })
}

/// Deletes a resource that no other one names.
#[utoipa::path(delete, path = "/v1/resources/{kind}/{namespace}/{name}", tag = "resources", params(ResourcePath),
    responses((status = 200, description = "Gone", body = RevisionView)))]
pub(super) async fn delete_resource(
    State(state): State<AppState>,
    path: Segments<ResourcePath>,
    _: Params<NoParams>,
) -> Result<Answer<RevisionView>> {
    let revision = state.resources.delete(&path.0.key()?).await?;
    state.seen(revision).await?;
    let body = RevisionView { revision };
    Ok(Answer { revision, body })
}

fn kind(text: &str) -> Result<Kind> {
    let found = Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        Failure::new(
            Failed::NotFound,
            format!("there is no kind `{shown}`; there are {kinds}"),
        )
        .at("kind")
    })
}

fn view(applied: Applied, dry_run: bool) -> ApplyView {
    ApplyView {
        revision: applied.revision,
        dry_run,
        results: applied.steps.iter().map(|step| result(step, dry_run)).collect(),
        touches: rest::Touched {
            routes: applied.touches.routes.into_iter().collect(),
            services: applied.touches.services.into_iter().collect(),
            instances: applied.touches.instances,
        },
    }
}

fn result(step: &Step, dry_run: bool) -> AppliedView {
    let key = step.after.key();
    let shown = dry_run && step.outcome != Outcome::Unchanged;
    AppliedView {
        kind: key.kind.to_string(),
        namespace: key.namespace,
        name: key.name,
        outcome: match step.outcome {
            Outcome::Created => rest::Outcome::Created,
            Outcome::Updated => rest::Outcome::Updated,
            Outcome::Unchanged => rest::Outcome::Unchanged,
        },
        diff: shown.then(|| step.diff()),
    }
}

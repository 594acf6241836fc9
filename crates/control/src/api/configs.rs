//! Configuration items: list, get, watch, publish, delete.

use axum::extract::State;
use nines_model::{ConfigKey, name};
use nines_wire::rest::{ConfigListView, ConfigView, PublishRequest, PublishView, RevisionView};
use serde::Deserialize;
use utoipa::IntoParams;

use super::AppState;
use super::answer::Answer;
use super::error::{Failure, Result};
use super::extract::{Body, NoParams, Params, Segments};
use super::poll::{PollQuery, config_change};
use super::services::NamespacePath;
use crate::config::{Publish, Published, SchemaChange};
use crate::error::Error;

/// Items of one page.
const PAGE: usize = 1000;

/// A configuration item.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ConfigPath {
    namespace: String,
    /// `[a-z0-9._-]{1,128}`
    name: String,
}

/// Which items.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only names that start so.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    prefix: String,
    /// Only names after this one: `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    limit: Option<usize>,
}

/// Which version, or what to wait for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct GetQuery {
    /// An old version instead of the one in force.
    version: Option<u64>,
    /// What the caller has seen.
    revision: Option<u64>,
    /// How long to wait for something newer, at most `5m`.
    #[serde(default, with = "nines_base::duration::optional")]
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<std::time::Duration>,
}

/// What must be in force.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteQuery {
    /// Delete only this version.
    if_version: Option<u64>,
}

impl ConfigPath {
    pub(super) fn key(self) -> Result<ConfigKey> {
        name::check(&self.namespace).map_err(|error| Error::invalid("namespace", error))?;
        name::check_config(&self.name).map_err(|error| Error::invalid("name", error))?;
        Ok(ConfigKey::new(self.namespace, self.name))
    }
}

/// The items of a namespace, without their contents.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/configs", tag = "configs", params(NamespacePath, ListQuery),
    responses((status = 200, description = "By name", body = ConfigListView)))]
pub(super) async fn list_configs(
    State(state): State<AppState>,
    path: Segments<NamespacePath>,
    Params(query): Params<ListQuery>,
) -> Result<Answer<ConfigListView>> {
    let namespace = path.0.check()?;
    let limit = page(query.limit, PAGE)?;
    let page = state
        .configs
        .list(&namespace, &query.prefix, query.after.as_deref(), limit)
        .await?;
    let revision = page.revision;
    let body = ConfigListView {
        revision,
        configs: page.items.iter().map(Into::into).collect(),
        next: page.next,
    };
    Ok(Answer { revision, body })
}

/// An item as it is in force, or one of its versions. With `revision` and `wait` the answer waits until the item has
/// changed after that revision (long poll).
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/configs/{name}", tag = "configs", params(ConfigPath, GetQuery),
    responses((status = 200, description = "The version", body = ConfigView)))]
pub(super) async fn get_config(
    State(state): State<AppState>,
    path: Segments<ConfigPath>,
    Params(query): Params<GetQuery>,
) -> Result<Answer<ConfigView>> {
    let key = path.0.key()?;
    let poll = PollQuery {
        revision: query.revision,
        wait: query.wait,
    };
    let waiting = poll.waiting()?;
    let (item, revision) = match (query.version, waiting) {
        (Some(_), Some(_)) => {
            return Err(Failure::invalid(
                "wait",
                "a version never changes; give wait or version, not both",
            ));
        }
        (Some(version), None) => state.configs.version(&key, version).await?,
        (None, Some((seen, wait))) => {
            state.polls.hold(config_change(&state.mirror, &key, seen), wait).await?;
            state.configs.get(&key).await?
        }
        (None, None) => state.configs.get(&key).await?,
    };
    let body = ConfigView::from(item);
    Ok(Answer { revision, body })
}

/// Publishes a version. The content is parsed by its format and held against its schema before anything is written.
#[utoipa::path(put, path = "/v1/namespaces/{namespace}/configs/{name}", tag = "configs", params(ConfigPath),
    request_body = PublishRequest, responses((status = 200, description = "In force", body = PublishView)))]
pub(super) async fn publish(
    State(state): State<AppState>,
    path: Segments<ConfigPath>,
    _: Params<NoParams>,
    Body(request): Body<PublishRequest>,
) -> Result<Answer<PublishView>> {
    let publish = Publish {
        key: path.0.key()?,
        format: request.format,
        content: request.content,
        schema: match request.schema {
            Some(schema) => SchemaChange::Replace(schema),
            None => SchemaChange::Keep { otherwise: None },
        },
        author: request.author,
        note: request.note,
        if_version: request.if_version,
    };
    let done = state.configs.publish(publish).await?;
    state.seen(done.item.revision).await?;
    Ok(published(done))
}

/// Ends an item. Its versions are kept; a rollback brings it back.
#[utoipa::path(delete, path = "/v1/namespaces/{namespace}/configs/{name}", tag = "configs",
    params(ConfigPath, DeleteQuery), responses((status = 200, description = "Gone", body = RevisionView)))]
pub(super) async fn delete_config(
    State(state): State<AppState>,
    path: Segments<ConfigPath>,
    Params(query): Params<DeleteQuery>,
) -> Result<Answer<RevisionView>> {
    let revision = state.configs.delete(&path.0.key()?, query.if_version).await?;
    state.seen(revision).await?;
    let body = RevisionView { revision };
    Ok(Answer { revision, body })
}

pub(super) fn published(published: Published) -> Answer<PublishView> {
    let revision = published.item.revision;
    let body = PublishView {
        item: published.item.into(),
        unchanged: published.unchanged,
    };
    Answer { revision, body }
}

/// A page's size.
pub(super) fn page(limit: Option<usize>, max: usize) -> Result<usize> {
    match limit {
        None => Ok(max),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(limit) => Err(Failure::invalid(
            "limit",
            format!("a page of {limit} cannot be given; ask for 1 to {max}"),
        )),
    }
}

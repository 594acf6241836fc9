//! An item's versions: history, diff, rollback, and who runs which.

use axum::extract::State;
use nines_wire::rest::{
    ConfigStatusView, DiffView, HistoryView, PublishView, RollbackRequest, SubscriberVersion, VersionState,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::AppState;
use super::answer::Answer;
use super::configs::{ConfigPath, page, published};
use super::error::Result;
use super::extract::{Body, NoParams, Params, Segments};
use crate::config::{KEPT_VERSIONS, Rollback};
use crate::hub::Running;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Only versions below this one: `next` of the page before.
    before: Option<u64>,
    /// At most so many, 1 to 100.
    limit: Option<usize>,
}

/// Which versions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DiffQuery {
    from: u64,
    /// The version in force if absent.
    to: Option<u64>,
}

/// The versions that are kept, newest first, without their contents.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/configs/{name}/history", tag = "configs",
    params(ConfigPath, HistoryQuery), responses((status = 200, description = "A page", body = HistoryView)))]
pub(super) async fn history(
    State(state): State<AppState>,
    path: Segments<ConfigPath>,
    Params(query): Params<HistoryQuery>,
) -> Result<Answer<HistoryView>> {
    let limit = page(query.limit, KEPT_VERSIONS as usize)?;
    let history = state.configs.history(&path.0.key()?, query.before, limit).await?;
    let revision = history.revision;
    let body = HistoryView {
        revision,
        versions: history.versions.iter().map(Into::into).collect(),
        next: history.next,
    };
    Ok(Answer { revision, body })
}

/// What changed from one version to another.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/configs/{name}/diff", tag = "configs",
    params(ConfigPath, DiffQuery), responses((status = 200, description = "Unified", body = DiffView)))]
pub(super) async fn diff(
    State(state): State<AppState>,
    path: Segments<ConfigPath>,
    Params(query): Params<DiffQuery>,
) -> Result<Answer<DiffView>> {
    let key = path.0.key()?;
    let to = match query.to {
        Some(to) => to,
        None => state.configs.get(&key).await?.0.version,
    };
    let (diff, revision) = state.configs.diff(&key, query.from, to).await?;
    let body = DiffView {
        revision,
        from: query.from,
        to,
        diff,
    };
    Ok(Answer { revision, body })
}

/// Publishes an old version's content again, as a new version and under the schema in force.
#[utoipa::path(post, path = "/v1/namespaces/{namespace}/configs/{name}/rollback", tag = "configs",
    params(ConfigPath), request_body = RollbackRequest,
    responses((status = 200, description = "In force", body = PublishView)))]
pub(super) async fn rollback(
    State(state): State<AppState>,
    path: Segments<ConfigPath>,
    _: Params<NoParams>,
    Body(request): Body<RollbackRequest>,
) -> Result<Answer<PublishView>> {
    let rollback = Rollback {
        key: path.0.key()?,
        version: request.version,
        author: request.author,
        note: request.note,
        if_version: request.if_version,
    };
    let done = state.configs.rollback(rollback).await?;
    state.seen(done.item.revision).await?;
    Ok(published(done))
}

/// Who runs which version: the answers of the subscribers that follow the item.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/configs/{name}/status", tag = "configs", params(ConfigPath),
    responses((status = 200, description = "Subscribers by name", body = ConfigStatusView)))]
pub(super) async fn config_status(
    State(state): State<AppState>,
    path: Segments<ConfigPath>,
    _: Params<NoParams>,
) -> Result<Answer<ConfigStatusView>> {
    let key = path.0.key()?;
    let (item, revision) = state.configs.get(&key).await?;
    let body = ConfigStatusView {
        revision,
        version: item.version,
        subscribers: state
            .hub
            .running(&key)
            .into_iter()
            .map(|running| stand(running, item.version))
            .collect(),
    };
    Ok(Answer { revision, body })
}

fn stand(running: Running, in_force: u64) -> SubscriberVersion {
    let state = match (&running.rejected, running.version) {
        (Some(_), _) => VersionState::Rejected,
        (None, None) => VersionState::Unknown,
        (None, Some(version)) if version < in_force => VersionState::Behind,
        (None, Some(_)) => VersionState::Current,
    };
    SubscriberVersion {
        subscriber: running.subscriber,
        state,
        version: running.version,
        reason: running.rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_stands_where_its_answer_says() {
        let answered = |version: Option<u64>, rejected: Option<&str>| {
            let running = Running {
                subscriber: "orders".into(),
                version,
                rejected: rejected.map(Into::into),
            };
            stand(running, 3).state
        };
        let table = [
            (None, None, VersionState::Unknown),
            (Some(2), None, VersionState::Behind),
            (Some(3), None, VersionState::Current),
            (Some(4), None, VersionState::Current),
            (Some(3), Some("no such key"), VersionState::Rejected),
        ];
        for (version, rejected, state) in table {
            assert_eq!(answered(version, rejected), state, "{version:?} {rejected:?}");
        }
    }
}

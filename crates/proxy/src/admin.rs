//! The pages for operators: `/metrics`, `/livez`, `/readyz`, `/config`.

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use nines_runtime::{Health, Registry, Tasks};
use tokio::net::TcpListener;

use crate::Error;
use crate::publisher::Publisher;

/// What the pages show.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    pub(crate) registry: Registry,
    pub(crate) health: Health,
    pub(crate) publisher: Publisher,
}

/// Serves the pages until the set of tasks stops; gives the address it listens on.
pub(crate) async fn start(address: SocketAddr, pages: Pages, tasks: &Tasks) -> Result<SocketAddr, Error> {
    let fail = |source| Error::Admin { address, source };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    let stopping = tasks.stopping();
    let server = axum::serve(listener, router(pages)).with_graceful_shutdown(stopping.cancelled_owned());
    tasks.spawn("admin", async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the admin pages are gone");
        }
    });
    Ok(address)
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/config", get(config))
        .with_state(pages)
}

async fn metrics(State(pages): State<Pages>) -> Response {
    let kind = [(header::CONTENT_TYPE, nines_runtime::metrics::CONTENT_TYPE)];
    (kind, pages.registry.encode()).into_response()
}

async fn ready(State(pages): State<Pages>) -> Response {
    let report = pages.health.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn config(State(pages): State<Pages>) -> Response {
    Json(pages.publisher.describe()).into_response()
}

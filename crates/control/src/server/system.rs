//! Health and metrics.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use nines_runtime::{Health, Registry, metrics};

use super::Process;

#[derive(Clone)]
struct Shown {
    health: Health,
    metrics: Registry,
}

pub(super) fn router(process: &Process) -> Router {
    Router::new()
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .route("/startupz", get(ready))
        .route("/metrics", get(numbers))
        .with_state(Shown {
            health: process.health.clone(),
            metrics: process.metrics.clone(),
        })
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(shown): State<Shown>) -> Response {
    let report = shown.health.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn numbers(State(shown): State<Shown>) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], shown.metrics.encode()).into_response()
}

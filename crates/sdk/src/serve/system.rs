//! The endpoints that every service has on its port: `/livez`, `/readyz`, `/startupz`, `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use nines_runtime::metrics::CONTENT_TYPE;
use nines_runtime::{Health, Registry};

/// Whether the service has been ready once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Started(Arc<AtomicBool>);

impl Started {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Their routes; a service's own route of the same path is an error at its start.
pub(crate) fn router(health: Health, metrics: Registry, started: Started) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(move || ready(health.clone())))
        .route("/startupz", get(move || startup(started.clone())))
        .route("/metrics", get(move || shown(metrics.clone())))
}

async fn ready(health: Health) -> Response {
    let report = health.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn startup(started: Started) -> Response {
    if started.get() {
        "started".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "starting; /readyz says what is missing",
        )
            .into_response()
    }
}

async fn shown(metrics: Registry) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.encode()).into_response()
}

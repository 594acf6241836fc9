//! The endpoints that every service has on its port: `/livez`, `/readyz`, `/startupz`, `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use nines_runtime::health::Check;
use nines_runtime::metrics::CONTENT_TYPE;
use nines_runtime::{Health, Registry};

/// How far the start has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Started(Arc<Milestones>);

#[derive(Debug, Default)]
struct Milestones {
    ready: AtomicBool,
    settled: AtomicBool,
}

impl Started {
    /// Every condition has held once.
    pub(crate) fn set(&self) {
        self.0.ready.store(true, Ordering::Relaxed);
    }

    /// The first registration has its answer, or nobody is there to give one. Until then `/readyz` waits, so that
    /// whoever starts services in order finds them registered; later the control plane is no condition.
    pub(crate) fn settle(&self) {
        self.0.settled.store(true, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    fn settled(&self) -> bool {
        self.0.settled.load(Ordering::Relaxed)
    }
}

/// Their routes; a service's own route of the same path is an error at its start.
pub(crate) fn router(health: Health, metrics: Registry, started: Started) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", {
            let started = started.clone();
            get(move || ready(health.clone(), started.clone()))
        })
        .route("/startupz", get(move || startup(started.clone())))
        .route("/metrics", get(move || shown(metrics.clone())))
}

async fn ready(health: Health, started: Started) -> Response {
    let mut report = health.report();
    if !started.settled() {
        let reason = Some("waiting for the control plane's answer".into());
        report.checks.insert("registration", Check { ready: false, reason });
        report.ready = false;
    }
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

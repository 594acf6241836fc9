//! The API over a real store in a temporary directory.

mod bad_input;
mod configs;
mod document;
mod instances;
mod resources;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use nines_base::Clock;
use nines_runtime::{Health, Tasks};
use nines_store::Backend;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::*;
use crate::mirror::{Follow, RECENT_SUBJECTS};

/// A control plane's API without its sockets.
struct Api {
    router: Router,
    store: Backend,
    tasks: Tasks,
    _dir: TempDir,
}

/// An answer.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Api {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let clock = Clock::system();
        let store = crate::testing::store(dir.path());
        let tasks = Tasks::new();
        let mirror = Mirror::new();
        let follow = Follow {
            mirror: mirror.clone(),
            store: store.clone(),
            clock: clock.clone(),
            health: Health::default(),
            grace: Duration::ZERO,
            recent: RECENT_SUBJECTS,
        };
        tasks.spawn("mirror", follow.run());
        let state = AppState::new(Parts {
            registry: Registry::new(store.clone(), mirror.clone()),
            configs: Arc::new(Configs::new(store.clone(), clock.clone())),
            resources: Arc::new(Resources::new(store.clone(), mirror.clone())),
            hub: Hub::new(
                Default::default(),
                mirror.clone(),
                nines_store::Store::status(&store).await.unwrap().history,
                clock.clone(),
                tasks.clone(),
                Default::default(),
            ),
            mirror,
            store: store.clone(),
            clock,
            stopping: tasks.stopping(),
        });
        Self {
            router: router(state),
            store,
            tasks,
            _dir: dir,
        }
    }

    async fn call(&self, method: &str, path: &str, body: impl Into<Body>) -> Reply {
        let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Body::empty()).await
    }

    async fn put(&self, path: &str, body: Value) -> Reply {
        self.call("PUT", path, body.to_string()).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, body.to_string()).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, Body::empty()).await
    }

    /// The store's revision.
    async fn revision(&self) -> u64 {
        nines_store::Store::status(&self.store).await.unwrap().revision
    }
}

impl Reply {
    /// The body of a success, which must carry one revision in header and body.
    #[track_caller]
    fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        let header = self.headers["x-nines-revision"].to_str().unwrap();
        assert!(header.parse::<u64>().is_ok(), "no revision in the header: {header}");
        assert!(self.body["revision"].is_u64(), "no revision in {}", self.body);
        self.body
    }

    /// The error must have this status and kind, and say this.
    #[track_caller]
    fn refused(self, status: u16, kind: &str, part: &str) -> Value {
        let error = &self.body["error"];
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(error["kind"], kind, "{}", self.body);
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(part), "`{message}` does not contain `{part}`");
        self.body["error"].clone()
    }
}

fn registration() -> Value {
    json!({"address": "10.0.0.7", "port": 8080, "labels": {"version": "v1"}, "ttl": "30s"})
}

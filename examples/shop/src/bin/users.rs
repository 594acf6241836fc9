//! Who buys.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use nines_sdk::Service;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use shop::{Body, Refusal, signed, unknown};

/// More users than this are not kept in memory.
const MOST: usize = 100_000;

#[derive(Debug, Clone, Serialize)]
struct User {
    id: u64,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
}

type Shared = Arc<Mutex<BTreeMap<u64, User>>>;

#[tokio::main]
async fn main() -> ExitCode {
    let first = ["Ada", "Grace", "Barbara"].into_iter().zip(1..);
    let users: BTreeMap<u64, User> = first.map(|(name, id)| (id, User { id, name: name.into() })).collect();
    let service = Service::builder("users").routes(|context| {
        let routes = Router::new()
            .route("/users", get(all).post(add))
            .route("/users/{id}", get(one))
            .with_state(Arc::new(Mutex::new(users)));
        signed(routes, context)
    });
    service.run().await
}

/// The newest hundred.
async fn all(State(users): State<Shared>) -> Json<Vec<User>> {
    Json(users.lock().values().rev().take(100).cloned().collect())
}

async fn one(State(users): State<Shared>, Path(id): Path<u64>) -> Result<Json<User>, Refusal> {
    users
        .lock()
        .get(&id)
        .cloned()
        .map(Json)
        .ok_or_else(|| unknown("user", id))
}

async fn add(State(users): State<Shared>, Body(new): Body<NewUser>) -> Result<(StatusCode, Json<User>), Refusal> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Refusal(
            StatusCode::BAD_REQUEST,
            "a name has 1 to 100 characters".into(),
        ));
    }
    let mut users = users.lock();
    if users.len() >= MOST {
        return Err(Refusal(
            StatusCode::INSUFFICIENT_STORAGE,
            format!("there are {MOST} users already"),
        ));
    }
    let id = users.last_key_value().map_or(1, |(id, _)| id + 1);
    let user = User { id, name: name.into() };
    users.insert(id, user.clone());
    Ok((StatusCode::CREATED, Json(user)))
}

//! Gives a fresh control plane what the stack file says: resources, and configuration items that are not there yet; and
//! again when it has lost them.

use std::collections::BTreeMap;
use std::convert::Infallible;

use nines_base::Kind;
use nines_client::Rest;
use nines_client::rest::RestError;
use nines_wire::rest::PublishRequest;

use super::Error;
use super::board::{Board, Row, State};
use super::plan::Plan;
use super::stack::ConfigSeed;

/// Applies the resources as one set, so that a file may refer to another. Configuration items are only published when
/// they do not exist: what was changed since is not undone by a restart.
pub(crate) async fn run(plan: &Plan) -> Result<(), Error> {
    let rest = connect(plan)?;
    if !plan.resources.is_empty() {
        let documents: Vec<&str> = plan.resources.iter().map(|file| file.text.as_str()).collect();
        let files: Vec<String> = plan
            .resources
            .iter()
            .map(|file| file.path.display().to_string())
            .collect();
        let applied = rest.apply(documents.join("\n---\n"), false).await;
        applied.map_err(|error| refused(&files.join(", "), &error))?;
    }
    for seed in &plan.stack.configs {
        publish(&rest, seed)
            .await
            .map_err(|error| refused(&format!("configuration {}", seed.name), &error))?;
    }
    Ok(())
}

/// Seeds once more after each restart of the control plane that came up with nothing of it, as with a store that was
/// lost. Where anything is left, what is missing is what a user deleted.
pub(crate) async fn again(plan: &Plan, board: &Board) -> Infallible {
    let mut looked_at = 0;
    loop {
        looked_at = restarted(board, looked_at).await;
        match seed_if_gone(plan).await {
            Ok(true) => board.say("the control plane had lost what the stack file says; it has it again"),
            Ok(false) => {}
            Err(error) => board.say(&error.to_string()),
        }
    }
}

/// Waits until the control plane is ready after a later restart than that, and gives the number of it.
async fn restarted(board: &Board, after: u32) -> u32 {
    loop {
        board.until(|rows| ready_restart(rows, after).is_some()).await;
        if let Some(restart) = ready_restart(&board.rows(), after) {
            return restart;
        }
    }
}

fn ready_restart(rows: &BTreeMap<String, Row>, after: u32) -> Option<u32> {
    let row = rows.get("control")?;
    (row.state == State::Ready && row.restarts > after).then_some(row.restarts)
}

async fn seed_if_gone(plan: &Plan) -> Result<bool, Error> {
    let rest = connect(plan)?;
    let gone = is_gone(plan, &rest)
        .await
        .map_err(|error| refused("a look at what it has", &error))?;
    if gone {
        run(plan).await?;
    }
    Ok(gone)
}

/// Whether there was something to seed and nothing of it is there.
async fn is_gone(plan: &Plan, rest: &Rest) -> Result<bool, RestError> {
    let resources = plan.resources.iter().flat_map(|file| &file.resources);
    let mut seeded = false;
    for resource in resources {
        let metadata = resource.metadata();
        let found = rest
            .resource(resource.kind().as_str(), &metadata.namespace, &metadata.name)
            .await;
        if is_there(found)? {
            return Ok(false);
        }
        seeded = true;
    }
    for seed in &plan.stack.configs {
        if is_there(rest.config(&seed.namespace, &seed.name, None).await)? {
            return Ok(false);
        }
        seeded = true;
    }
    Ok(seeded)
}

fn is_there<T>(found: Result<T, RestError>) -> Result<bool, RestError> {
    match found {
        Ok(_) => Ok(true),
        Err(RestError::Refused(detail)) if detail.kind == Kind::NotFound.as_str() => Ok(false),
        Err(error) => Err(error),
    }
}

fn connect(plan: &Plan) -> Result<Rest, Error> {
    Rest::new(&format!("http://{}", plan.control)).map_err(|error| refused("a connection", &error))
}

async fn publish(rest: &Rest, seed: &ConfigSeed) -> Result<(), RestError> {
    let publish = PublishRequest {
        format: seed.format,
        content: seed.content.clone(),
        schema: None,
        note: Some("from the stack file".into()),
        author: None,
        if_version: Some(0),
    };
    match rest.publish(&seed.namespace, &seed.name, &publish).await {
        Ok(_) => Ok(()),
        Err(RestError::Refused(detail)) if detail.kind == Kind::Conflict.as_str() => Ok(()),
        Err(error) => Err(error),
    }
}

fn refused(what: &str, error: &RestError) -> Error {
    Error::Refused {
        what: what.into(),
        why: error.to_string(),
    }
}

//! Gives a fresh control plane what the stack file says: resources, and configuration items that are not there yet.

use nines_client::Rest;
use nines_client::rest::RestError;
use nines_wire::rest::PublishRequest;

use super::Error;
use super::plan::Plan;
use super::stack::ConfigSeed;

/// Applies the resources as one set, so that a file may refer to another. Configuration items are only published when
/// they do not exist: what was changed since is not undone by a restart.
pub(crate) async fn run(plan: &Plan) -> Result<(), Error> {
    let rest = Rest::new(&format!("http://{}", plan.control)).map_err(|error| refused("a connection", &error))?;
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
        Err(RestError::Refused(detail)) if detail.kind == nines_base::Kind::Conflict.as_str() => Ok(()),
        Err(error) => Err(error),
    }
}

fn refused(what: &str, error: &RestError) -> Error {
    Error::Refused {
        what: what.into(),
        why: error.to_string(),
    }
}

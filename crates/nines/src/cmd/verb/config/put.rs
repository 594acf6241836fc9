//! `nines config put`.

use std::path::Path;

use nines_client::RestError;
use nines_model::Format;
use nines_wire::rest::PublishRequest;
use serde_json::Value;

use super::super::Context;
use crate::cli::PutArgs;
use crate::exit::{Failure, problem_of};
use crate::input;

pub(super) async fn run(context: &Context, args: PutArgs) -> Result<(), Failure> {
    let (content, source) = content(&args)?;
    let format = match args.format.or_else(|| by_ending(args.file.as_deref())) {
        Some(format) => format,
        None => format_in_force(context, &args.name).await?,
    };
    let request = PublishRequest {
        format,
        content,
        schema: schema(&args)?,
        note: args.why.note,
        author: args.why.author,
        if_version: args.if_version,
    };
    let answer = context.rest.publish(&context.namespace, &args.name, &request).await;
    let answer = answer.map_err(|error| placed(error, source.as_deref()))?;
    context.output.show(&answer, |_| super::published(&answer))
}

fn by_ending(file: Option<&Path>) -> Option<Format> {
    let format = Format::of_file(file?.to_str()?);
    (format != Format::Text).then_some(format)
}

async fn format_in_force(context: &Context, name: &str) -> Result<Format, Failure> {
    match context.rest.config(&context.namespace, name, None).await {
        Ok(item) => Ok(item.format),
        Err(RestError::Refused(detail)) if detail.kind == "not_found" => Ok(Format::Text),
        Err(error) => Err(error.into()),
    }
}

/// The content, and the file that it is from.
fn content(args: &PutArgs) -> Result<(String, Option<String>), Failure> {
    match (&args.content, &args.file) {
        (Some(content), _) => Ok((content.clone(), None)),
        (None, Some(file)) => {
            let source = input::read(file)?;
            Ok((source.text, Some(source.name)))
        }
        (None, None) => Err(Failure::Misuse("give the content: a file, `-` or --content".into())),
    }
}

/// Absent keeps the item's schema, an inner `None` drops it.
fn schema(args: &PutArgs) -> Result<Option<Option<Value>>, Failure> {
    if args.no_schema {
        return Ok(Some(None));
    }
    let Some(path) = &args.schema else { return Ok(None) };
    let source = input::read(path)?;
    match serde_saphyr::from_str(&source.text) {
        Ok(schema) => Ok(Some(Some(schema))),
        Err(error) => {
            let line = error.location().map_or(1, |location| location.line());
            Err(Failure::Misuse(format!(
                "{}:{line}: the schema is neither JSON nor YAML",
                source.name
            )))
        }
    }
}

fn placed(error: RestError, source: Option<&str>) -> Failure {
    match (error, source) {
        (RestError::Refused(detail), Some(source)) if !detail.problems.is_empty() => {
            let problems = detail.problems.iter().map(problem_of);
            let lines: Vec<_> = problems.map(|problem| problem.in_source(source)).collect();
            Failure::Refused(nines_model::problem::render(&lines))
        }
        (error, _) => error.into(),
    }
}

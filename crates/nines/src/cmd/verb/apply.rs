//! `nines apply`: documents of files to the control plane, all or none.
//!
//! The documents are checked here first, so that every mistake is told with its file and line; what only the control
//! plane can know (a backend that nobody has registered) comes back for a resource and is placed the same way.

use nines_client::RestError;
use nines_model::document::{self, Document};
use nines_wire::rest::{ApplyView, Outcome};

use super::Context;
use crate::cli::ApplyArgs;
use crate::exit::{Failure, problem_of};
use crate::input;
use crate::output::{Field, Mood, Rows, Style, diff};

pub(super) async fn run(context: &Context, args: &ApplyArgs) -> Result<(), Failure> {
    let documents = read(args, &context.namespace)?;
    if documents.is_empty() {
        return Err(Failure::Misuse("there is no document in what -f names".into()));
    }
    let texts: Vec<String> = documents.iter().map(|document| document.resource.to_yaml()).collect();
    let answer = context.rest.apply(texts.join("---\n"), args.dry_run).await;
    let answer = answer.map_err(|error| placed(error, &documents))?;
    context.output.show(&answer, |style| render(&answer, style))
}

/// The documents of all files; the mistakes of all files.
fn read(args: &ApplyArgs, namespace: &str) -> Result<Vec<Document>, Failure> {
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for source in input::read_all(&args.files)? {
        match document::parse_documents(&source.text, Some(&source.name)) {
            Ok(found) => documents.extend(found),
            Err(found) => problems.extend(found),
        }
    }
    documents
        .iter_mut()
        .for_each(|document| document.default_namespace(namespace));
    if problems.is_empty() {
        Ok(documents)
    } else {
        Err(Failure::Broken(problems))
    }
}

fn placed(error: RestError, documents: &[Document]) -> Failure {
    match error {
        RestError::Refused(detail) if !detail.problems.is_empty() => {
            let problems = detail.problems.iter().map(problem_of).collect();
            let lines = document::locate(documents, problems);
            Failure::Refused(nines_model::problem::render(&lines))
        }
        error => error.into(),
    }
}

fn render(answer: &ApplyView, style: Style) -> String {
    let mut text = String::new();
    for result in &answer.results {
        if let Some(changes) = &result.diff {
            text.push_str(&diff(changes, style));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let mut rows = Rows::new(["KIND", "NAME", "OUTCOME"]);
    for result in &answer.results {
        rows.add([
            Field::from(&result.kind),
            Field::from(format!("{}/{}", result.namespace, result.name)),
            outcome(result.outcome),
        ]);
    }
    text.push_str(&rows.render(style, "nothing to apply"));
    text.push_str(&touches(answer));
    text
}

fn outcome(outcome: Outcome) -> Field {
    match outcome {
        Outcome::Created => Field::new("created", Mood::Good),
        Outcome::Updated => Field::new("updated", Mood::Warning),
        Outcome::Unchanged => Field::new("unchanged", Mood::Neutral),
    }
}

fn touches(answer: &ApplyView) -> String {
    let touched = &answer.touches;
    let list = |names: &[String]| {
        if names.is_empty() {
            "none".into()
        } else {
            names.join(", ")
        }
    };
    let (verb, end) = match answer.dry_run {
        true => ("would touch", "nothing was changed (dry run)".into()),
        false => ("touches", format!("revision {}", answer.revision)),
    };
    format!(
        "\n{verb} routes: {}; services: {}; instances: {}\n{end}\n",
        list(&touched.routes),
        list(&touched.services),
        touched.instances
    )
}

#[cfg(test)]
mod tests;

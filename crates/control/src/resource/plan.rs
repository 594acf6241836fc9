//! What an apply does to the resources. Pure.

use std::collections::HashSet;

use nines_model::check::{self, Resources};
use nines_model::document::{self, Document};
use nines_model::problem::{MAX_PROBLEMS, Problem};
use nines_model::{Resource, ServiceKey, config};

/// What becomes of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
}

/// One document and what it replaces.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub outcome: Outcome,
    pub before: Option<Resource>,
    pub after: Resource,
}

/// The steps of an apply, in the order of its documents.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
}

impl Step {
    /// The change as a unified diff of the documents; empty when there is none.
    pub fn diff(&self) -> String {
        let before = self.before.as_ref().map(text).unwrap_or_default();
        let key = self.after.key().to_string();
        let from = if self.before.is_some() { &key } else { "/dev/null" };
        let after = text(&self.after);
        config::diff(from, &before, &key, &after)
    }
}

/// Plans the documents on top of `state`. Refused with everything that is wrong with them among the others, and
/// everything that they make wrong elsewhere; what was wrong elsewhere before is no reason to refuse.
pub(super) fn plan(
    state: &Resources,
    documents: &[Document],
    registered: impl Fn(&ServiceKey) -> bool,
) -> Result<Plan, Vec<Problem>> {
    let mut after = state.clone();
    after.extend(
        documents
            .iter()
            .map(|document| (document.key(), document.resource.clone())),
    );
    let problems = problems(state, &after, documents, registered);
    if !problems.is_empty() {
        return Err(document::locate(documents, problems));
    }
    let steps = documents
        .iter()
        .map(|document| step(state.get(&document.key()), document.resource.clone()));
    Ok(Plan { steps: steps.collect() })
}

fn step(before: Option<&Resource>, after: Resource) -> Step {
    let outcome = match before {
        None => Outcome::Created,
        Some(before) if *before == after => Outcome::Unchanged,
        Some(_) => Outcome::Updated,
    };
    Step {
        outcome,
        before: before.cloned(),
        after,
    }
}

fn problems(
    state: &Resources,
    after: &Resources,
    documents: &[Document],
    registered: impl Fn(&ServiceKey) -> bool,
) -> Vec<Problem> {
    let mut problems = check::check(after, &registered);
    if problems.is_empty() {
        return problems;
    }
    let applied: HashSet<String> = documents.iter().map(|document| document.key().to_string()).collect();
    let old: HashSet<String> = check::check(state, &registered)
        .iter()
        .map(Problem::to_string)
        .collect();
    problems.retain(|problem| {
        let ours = problem.source.as_ref().is_some_and(|source| applied.contains(source));
        ours || !old.contains(&problem.to_string())
    });
    problems.truncate(MAX_PROBLEMS);
    problems
}

fn text(resource: &Resource) -> String {
    let mut text = serde_json::to_string_pretty(&resource.to_json()).unwrap_or_default();
    text.push('\n');
    text
}

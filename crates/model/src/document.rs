//! Documents as people write them, YAML or JSON, to typed values, with every mistake and its place.

mod head;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::problem::{self, Problem};
use crate::schema::Schema;
use crate::tree::{Node, path, yaml};
use crate::{Resource, ResourceKey, validate};

/// A resource and where it was written.
#[derive(Debug, Clone)]
pub struct Document {
    pub resource: Resource,
    source: Option<String>,
    tree: Node,
}

/// Reads a text with one or more resource documents. Reports all mistakes of all documents at once.
pub fn parse(text: &str, source: Option<&str>) -> Result<Vec<Resource>, Vec<Problem>> {
    let documents = parse_documents(text, source)?;
    Ok(documents.into_iter().map(|document| document.resource).collect())
}

/// Like [`parse`], and each resource knows where it was written, so that problems found later
/// ([`crate::check::check`]) can be placed with [`locate`].
pub fn parse_documents(text: &str, source: Option<&str>) -> Result<Vec<Document>, Vec<Problem>> {
    let (trees, mut problems) = yaml::parse_all(text);
    let mut documents: Vec<Document> = Vec::new();
    for tree in trees {
        match head::read(&tree) {
            Ok(resource) => documents.push(Document {
                resource,
                source: source.map(Into::into),
                tree,
            }),
            Err(mut found) => problems.append(&mut found),
        }
    }
    problems.append(&mut doubles(&documents));
    if problems.is_empty() {
        Ok(documents)
    } else {
        Err(sourced(problems, source))
    }
}

/// Reads one YAML or JSON document of any type, for example the stack file of `nines up`.
pub fn decode<T: DeserializeOwned + JsonSchema>(text: &str, source: Option<&str>) -> Result<T, Vec<Problem>> {
    let decoded = decode_tree(text).map_err(|problems| sourced(problems, source));
    decoded.map(|(value, _)| value)
}

/// Gives problems of resources (their source is the resource's key) the file, line and column of the document that
/// the resource came from.
pub fn locate(documents: &[Document], problems: Vec<Problem>) -> Vec<Problem> {
    problems
        .into_iter()
        .map(|problem| locate_one(documents, problem))
        .collect()
}

fn locate_one(documents: &[Document], mut problem: Problem) -> Problem {
    let subject = problem.source.as_deref();
    let document = documents
        .iter()
        .find(|document| Some(document.key().to_string().as_str()) == subject);
    let Some(document) = document else { return problem };
    let position = document.tree.locate(&path::parse(&problem.path));
    if let Some(source) = &document.source {
        problem.source = Some(source.clone());
    }
    problem.at(position)
}

impl Document {
    /// Puts a resource that names no namespace into this one.
    pub fn default_namespace(&mut self, namespace: &str) {
        let metadata = self.tree.entry("metadata");
        let named = metadata.is_some_and(|metadata| metadata.node.entry("namespace").is_some());
        if !named {
            namespace.clone_into(&mut self.resource.metadata_mut().namespace);
        }
    }

    /// The resource's key.
    pub fn key(&self) -> ResourceKey {
        self.resource.key()
    }
}

fn decode_tree<T: DeserializeOwned + JsonSchema>(text: &str) -> Result<(T, Node), Vec<Problem>> {
    let (mut trees, mut problems) = yaml::parse_all(text);
    if let Some(extra) = trees.get(1) {
        problems.push(Problem::new("", "a second document: write one document").at(extra.position));
    }
    if trees.is_empty() {
        if problems.is_empty() {
            problems.push(Problem::new("", "the document is empty"));
        }
        return Err(problems);
    }
    let tree = trees.swap_remove(0);
    let (value, mut found) = typed(&tree, &Schema::of::<T>());
    problems.append(&mut found);
    match value {
        Some(value) if problems.is_empty() => Ok((value, tree)),
        _ => Err(problems),
    }
}

/// A tree as a typed value. Next to problems there may still be a value: where the only mistakes are fields that do
/// not exist, it is what the rest says, good enough to look for further mistakes in.
fn typed<T: DeserializeOwned>(tree: &Node, schema: &Schema) -> (Option<T>, Vec<Problem>) {
    let findings = schema.check(tree);
    if findings.problems.len() > findings.unknown_fields.len() {
        return (None, findings.problems);
    }
    let mut rest = tree.clone();
    findings.unknown_fields.iter().for_each(|steps| rest.remove(steps));
    match serde_json::from_value(rest.to_value()) {
        Ok(value) => (Some(value), findings.problems),
        Err(error) if findings.problems.is_empty() => {
            let problem = Problem::new("", error.to_string()).at(tree.position);
            (None, vec![problem])
        }
        Err(_) => (None, findings.problems),
    }
}

/// Structure first, then meaning.
fn checked<S>(tree: &Node, schema: &Schema, wrap: fn(crate::Object<S>) -> Resource) -> Result<Resource, Vec<Problem>>
where
    S: DeserializeOwned,
{
    let (object, mut problems) = typed::<head::Envelope<S>>(tree, schema);
    let resource = object.map(|object| wrap(object.into()));
    if let Some(resource) = &resource {
        let found = validate::resource(resource).into_iter();
        problems.extend(found.map(|problem| {
            let position = tree.locate(&path::parse(&problem.path));
            problem.at(position)
        }));
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    match resource {
        Some(resource) if problems.is_empty() => Ok(resource),
        _ => Err(problems),
    }
}

fn doubles(documents: &[Document]) -> Vec<Problem> {
    let mut seen = std::collections::HashMap::new();
    let mut problems = Vec::new();
    for document in documents {
        let position = document.tree.position;
        if let Some(first) = seen.insert(document.key(), position) {
            let message = format!(
                "a second document for {}, the first begins at line {}",
                document.key(),
                first.line
            );
            problems.push(Problem::new("metadata.name", message).at(position));
        }
    }
    problems
}

fn sourced(problems: Vec<Problem>, source: Option<&str>) -> Vec<Problem> {
    let problems = problem::cap(problems).into_iter();
    match source {
        Some(source) => problems.map(|problem| problem.in_source(source)).collect(),
        None => problems.collect(),
    }
}

#[cfg(test)]
mod tests;

//! Whether a content is what its format and schema say.

use serde_json::Value;

use super::{Format, MAX_CONTENT};
use crate::problem::{self, Problem};
use crate::schema::Schema;
use crate::tree::{Content, Node, Position, json, properties, toml, yaml};

/// Largest schema, in bytes of its JSON.
const MAX_SCHEMA: usize = 256 << 10;

/// Checks a content before it is published: size, syntax, and the JSON Schema if there is one. All mistakes at once,
/// each with its line where the format tells it.
pub fn validate(format: Format, content: &str, schema: Option<&Value>) -> Result<(), Vec<Problem>> {
    if content.len() > MAX_CONTENT {
        let message = format!(
            "the content has {} bytes, the limit is {MAX_CONTENT} (1 MiB)",
            content.len()
        );
        return Err(vec![Problem::new("content", message)]);
    }
    let tree = parse(format, content).map_err(problem::cap)?;
    let Some(schema) = schema else { return Ok(()) };
    let tree = tree.ok_or_else(|| {
        vec![Problem::new(
            "schema",
            "a text has no structure that a schema could check",
        )]
    })?;
    let problems = compile(schema)?.check(&tree).problems;
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problem::cap(problems))
    }
}

/// The content as a value: what the format says, with a text as one string.
pub fn read(format: Format, content: &str) -> Result<Value, Vec<Problem>> {
    let tree = parse(format, content).map_err(problem::cap)?;
    Ok(tree.map_or_else(|| Value::String(content.into()), |tree| tree.to_value()))
}

fn parse(format: Format, content: &str) -> Result<Option<Node>, Vec<Problem>> {
    match format {
        Format::Json => json::parse(content).map(Some),
        Format::Yaml => parse_yaml(content).map(Some),
        Format::Toml => toml::parse(content).map(Some),
        Format::Properties => properties::parse(content).map(Some),
        Format::Text => Ok(None),
    }
}

/// An empty text is the empty value, as YAML says.
fn parse_yaml(content: &str) -> Result<Node, Vec<Problem>> {
    let (mut documents, mut problems) = yaml::parse_all(content);
    if let Some(extra) = documents.get(1) {
        let message = "a second document: a configuration item is one YAML document";
        problems.push(Problem::new("", message).at(extra.position));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(documents.pop().unwrap_or(Node {
        position: Position { line: 1, column: 1 },
        content: Content::Null,
    }))
}

fn compile(schema: &Value) -> Result<Schema, Vec<Problem>> {
    let size = schema.to_string().len();
    if size > MAX_SCHEMA {
        let message = format!("the schema has {size} bytes, the limit is {MAX_SCHEMA}");
        return Err(vec![Problem::new("schema", message)]);
    }
    Schema::compile(schema.clone()).map_err(|problem| vec![problem])
}

//! Strict JSON (RFC 8259), with keys that stand twice refused.

use super::{Content, Node, Position, yaml};
use crate::problem::Problem;

/// Reads one JSON text.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| vec![problem(&error)])?;
    match located(text)? {
        Some(node) if node.to_value() == value => Ok(node),
        _ => Ok(from_value(&value)),
    }
}

/// JSON is, but for corners, a subset of YAML, whose reader knows the places and the doubled keys. In the corners
/// (`None`) the problems of the value have no line.
fn located(text: &str) -> Result<Option<Node>, Vec<Problem>> {
    let (nodes, problems) = yaml::parse_all(text);
    if nodes.is_empty() {
        return Ok(None);
    }
    if problems.is_empty() {
        Ok(nodes.into_iter().next())
    } else {
        Err(problems)
    }
}

fn problem(error: &serde_json::Error) -> Problem {
    let at = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string().replace(&at, "");
    Problem::new("", format!("does not parse as JSON: {message}")).at(Position {
        line: u32::try_from(error.line()).unwrap_or(u32::MAX),
        column: u32::try_from(error.column()).unwrap_or(u32::MAX),
    })
}

/// A tree without places.
pub(crate) fn from_value(value: &serde_json::Value) -> Node {
    let content = match value {
        serde_json::Value::Null => Content::Null,
        serde_json::Value::Bool(value) => Content::Bool(*value),
        serde_json::Value::Number(value) => Content::Number(value.clone()),
        serde_json::Value::String(value) => Content::Text(value.clone()),
        serde_json::Value::Array(items) => Content::List(items.iter().map(from_value).collect()),
        serde_json::Value::Object(pairs) => {
            let entry = |(key, value): (&String, _)| super::Entry {
                position: Position::default(),
                key: key.clone(),
                node: from_value(value),
            };
            Content::Map(pairs.iter().map(entry).collect())
        }
    };
    Node {
        position: Position::default(),
        content,
    }
}

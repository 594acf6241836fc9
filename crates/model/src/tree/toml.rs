//! TOML to trees. Dates and times become text.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Content, Entry, Lines, Node};
use crate::problem::Problem;

/// Reads one TOML text; all syntax errors at once.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let mut problems: Vec<Problem> = errors.iter().map(|error| problem(error, &lines)).collect();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        return Err(problems);
    }
    let content = map(table.get_ref(), &lines)?;
    Ok(Node {
        position: lines.position(0),
        content,
    })
}

fn problem(error: &toml::de::Error, lines: &Lines<'_>) -> Problem {
    let message = error.message().replace('\n', ", ");
    let position = error.span().map(|span| lines.position(span.start)).unwrap_or_default();
    Problem::new("", format!("does not parse as TOML: {message}")).at(position)
}

fn map(table: &DeTable<'_>, lines: &Lines<'_>) -> Result<Content, Vec<Problem>> {
    let entries = table.iter().map(|(key, value)| {
        Ok(Entry {
            position: lines.position(key.span().start),
            key: key.get_ref().to_string(),
            node: node(value, lines)?,
        })
    });
    Ok(Content::Map(entries.collect::<Result<_, Vec<Problem>>>()?))
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Result<Node, Vec<Problem>> {
    let position = lines.position(value.span().start);
    let fail = |what: &str| vec![Problem::new("", format!("{what} is out of range")).at(position)];
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Text(text.to_string()),
        DeValue::Boolean(value) => Content::Bool(*value),
        DeValue::Datetime(time) => Content::Text(time.to_string()),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix());
            Content::Number(number.map_err(|_| fail("the integer"))?.into())
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            Content::Number(number.ok_or_else(|| fail("the float"))?)
        }
        DeValue::Array(items) => {
            let items = items.iter().map(|item| node(item, lines));
            Content::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => map(table, lines)?,
    };
    Ok(Node { position, content })
}

//! JSON Schemas: of our own types (made from the Rust types, so that they cannot drift) and of configuration items,
//! and what they have to say about a tree, in words for people.

mod message;
mod shape;

use std::borrow::Cow;

use jsonschema::{PatternOptions, ValidationError, Validator};
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::problem::{MAX_PROBLEMS, Problem, quote};
use crate::tree::{Node, path};

/// Stand-in that gives a duration written as text its place in the JSON Schema:
/// `#[schemars(with = "nines_model::schema::Duration")]`.
#[derive(Debug)]
pub struct Duration;

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        json_schema!({"type": "string", "pattern": nines_base::duration::PATTERN})
    }
}

/// A schema ready to check with.
#[derive(Debug)]
pub(crate) struct Schema {
    document: Value,
    validator: Validator,
}

/// What a schema found: the problems, and which of them are merely fields that do not exist.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    pub(crate) unknown_fields: Vec<Vec<path::Step>>,
}

impl Schema {
    /// The schema of a Rust type, without references and without `null` where the type says "may be absent".
    pub(crate) fn of<T: JsonSchema>() -> Self {
        let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = true;
        });
        let mut document = settings.into_generator().into_root_schema_for::<T>().to_value();
        shape::simplify(&mut document);
        Self::compile(document).expect("a schema made from a Rust type compiles")
    }

    /// A schema that somebody wrote. References to other documents are not followed; regular expressions are run
    /// without backtracking, so that no schema can stop a server.
    pub(crate) fn compile(document: Value) -> Result<Self, Problem> {
        let patterns = PatternOptions::regex().size_limit(1 << 20);
        let validator = jsonschema::options()
            .with_pattern_options(patterns)
            .offline()
            .build(&document)
            .map_err(|error| refused(&error, &document))?;
        Ok(Self { document, validator })
    }

    /// Everything about the tree that breaks the schema, in the order of the text.
    pub(crate) fn check(&self, node: &Node) -> Findings {
        let value = node.to_value();
        let mut findings = Findings::default();
        for error in self.validator.iter_errors(&value).take(MAX_PROBLEMS + 1) {
            let reports = message::explain(&error, &value, &self.document);
            for report in reports {
                let position = node.locate(&report.steps);
                let problem = Problem::new(path::render(&report.steps), report.message).at(position);
                findings.problems.push(problem);
                if report.unknown_field {
                    findings.unknown_fields.push(report.steps);
                }
            }
        }
        findings.problems.sort_by_key(|problem| (problem.line, problem.column));
        findings
    }
}

fn refused(error: &ValidationError<'_>, document: &Value) -> Problem {
    let steps = path::from_pointer(error.instance_path().as_str(), document);
    let mut path = String::from("schema");
    for step in steps {
        match step {
            path::Step::Key(key) => path = path::join(&path, &key),
            path::Step::Index(index) => path = format!("{path}[{index}]"),
        }
    }
    let shown = quote(&error.instance().to_string());
    Problem::new(path, format!("is no valid JSON Schema: {} at {shown}", error.masked()))
}

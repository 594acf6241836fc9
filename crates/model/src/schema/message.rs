//! What a schema violation means, in words for people.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::problem::{nearest, quote};
use crate::tree::path::{self, Step};

/// One message about one place.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) steps: Vec<Step>,
    pub(crate) message: String,
    pub(crate) unknown_field: bool,
}

/// Fields and values of the Gateway API standard that documents in the wild have and that come later.
const LATER_FIELDS: [&str; 14] = [
    "allowedRoutes",
    "backendTLS",
    "cors",
    "defaultScope",
    "extensionRef",
    "externalAuth",
    "infrastructure",
    "requestMirror",
    "retry",
    "sessionPersistence",
    "tls",
    "useDefaultGateways",
    "sectionName",
    "sessionAffinity",
];
const LATER_VALUES: [&str; 10] = [
    "RegularExpression",
    "RequestMirror",
    "ExtensionRef",
    "ExternalAuth",
    "CORS",
    "HTTPS",
    "TLS",
    "TCP",
    "UDP",
    "NamedAddress",
];

/// The messages of one violation. A choice between shapes is explained by the shape that comes nearest.
pub(crate) fn explain(error: &ValidationError<'_>, root: &Value, schema: &Value) -> Vec<Report> {
    let steps = path::from_pointer(error.instance_path().as_str(), root);
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let known = known_fields(error, schema);
            unexpected
                .iter()
                .map(|field| unknown_field(&steps, field, &known))
                .collect()
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => match closest(context) {
            Some(errors) => errors.iter().flat_map(|error| explain(error, root, schema)).collect(),
            None => vec![report(steps, "fits none of the allowed forms".into())],
        },
        Kind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            let mut steps = steps;
            steps.push(Step::Key(property.to_owned()));
            vec![report(steps, "is missing".into())]
        }
        Kind::Type {
            kind: TypeKind::Single(JsonType::Object),
        } if !error.instance().is_null() => {
            let wanted = mapping(error, schema);
            vec![report(
                steps,
                format!("must be {wanted}, not {}", show(error.instance())),
            )]
        }
        kind => vec![report(steps, describe(kind, error))],
    }
}

fn report(steps: Vec<Step>, message: String) -> Report {
    Report {
        steps,
        message,
        unknown_field: false,
    }
}

/// The form whose violations lie deepest, as it fits the furthest; the first of them if several do.
fn closest<'a>(forms: &'a [Vec<ValidationError<'static>>]) -> Option<&'a [ValidationError<'static>]> {
    let depth = |errors: &Vec<ValidationError<'static>>| {
        let depths = errors
            .iter()
            .map(|error| error.instance_path().as_str().matches('/').count());
        (depths.max().unwrap_or(0), usize::MAX - errors.len())
    };
    forms.iter().rev().max_by_key(|errors| depth(errors)).map(Vec::as_slice)
}

/// A mapping and what belongs into it, as far as the schema says so.
fn mapping(error: &ValidationError<'_>, schema: &Value) -> String {
    let required = broken(error, schema).and_then(|schema| schema.get("required")?.as_array());
    let required: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    let mut known = known_fields(error, schema);
    known.retain(|field| !required.contains(&field.as_str()));
    let (required, others) = (required.join(", "), known.join(", "));
    match (required.is_empty(), others.is_empty()) {
        (true, true) => "a mapping".into(),
        (true, false) => format!("a mapping with any of {others}"),
        (false, true) => format!("a mapping with {required}"),
        (false, false) => format!("a mapping with {required} (allowed as well: {others})"),
    }
}

fn known_fields(error: &ValidationError<'_>, schema: &Value) -> Vec<String> {
    let fields = broken(error, schema).and_then(|schema| schema.get("properties")?.as_object());
    fields
        .map(|fields| fields.keys().cloned().collect())
        .unwrap_or_default()
}

/// The part of the schema whose keyword does not hold.
fn broken<'s>(error: &ValidationError<'_>, schema: &'s Value) -> Option<&'s Value> {
    let pointer = error.schema_path().as_str();
    schema.pointer(pointer.rsplit_once('/').map_or("", |(parent, _)| parent))
}

fn unknown_field(steps: &[Step], field: &str, known: &[String]) -> Report {
    let mut steps = steps.to_vec();
    steps.push(Step::Key(field.to_owned()));
    let shown = quote(field);
    let names = known.iter().map(String::as_str);
    let message = if let Some(meant) = nearest(field, names) {
        format!("unknown field {shown}, did you mean `{meant}`?")
    } else if LATER_FIELDS.contains(&field) {
        format!("the field {shown} of the standard is not supported yet: remove it")
    } else if known.is_empty() {
        format!("unknown field {shown}, no field is allowed here")
    } else {
        format!("unknown field {shown}, allowed are {}", known.join(", "))
    };
    Report {
        steps,
        message,
        unknown_field: true,
    }
}

fn describe(kind: &Kind, error: &ValidationError<'_>) -> String {
    let value = error.instance();
    match kind {
        Kind::Type { kind } => wrong_type(kind, value),
        Kind::Enum { options } => not_an_option(options, value),
        Kind::Constant { expected_value } => format!("must be {expected_value}, not {}", show(value)),
        Kind::Pattern { pattern } => wrong_pattern(pattern, value),
        Kind::Minimum { limit } => format!("{} is too small, the least is {limit}", show(value)),
        Kind::Maximum { limit } => format!("{} is too large, the most is {limit}", show(value)),
        Kind::ExclusiveMinimum { limit } => format!("{} must be above {limit}", show(value)),
        Kind::ExclusiveMaximum { limit } => format!("{} must be below {limit}", show(value)),
        Kind::MinLength { limit } => format!("{} is too short, the least is {limit} characters", show(value)),
        Kind::MaxLength { limit } => format!("{} is too long, the most is {limit} characters", show(value)),
        Kind::MinItems { limit } => format!("has too few items, the least is {limit}"),
        Kind::MaxItems { limit } => format!("has too many items, the most is {limit}"),
        Kind::MinProperties { limit } => format!("has too few fields, the least is {limit}"),
        Kind::MaxProperties { limit } => format!("has too many fields, the most is {limit}"),
        Kind::UniqueItems => "has an item twice".into(),
        Kind::Format { format } => format!("{} is no valid {format}", show(value)),
        Kind::OneOfMultipleValid { .. } => "fits more than one of the forms of which it must fit exactly one".into(),
        _ => format!("breaks the schema: {}", error.masked()),
    }
}

fn wrong_type(kind: &TypeKind, value: &Value) -> String {
    let wanted = match kind {
        TypeKind::Single(one) => type_name(*one).to_owned(),
        TypeKind::Multiple(set) => set.iter().map(type_name).collect::<Vec<_>>().join(" or "),
    };
    if value.is_null() {
        return format!("is empty: write {wanted} or remove the field");
    }
    let hint = match (kind, value) {
        (TypeKind::Single(JsonType::String), Value::Number(_) | Value::Bool(_)) => ": put it in quotes",
        _ => "",
    };
    format!("must be {wanted}, not {}{hint}", show(value))
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "empty",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "text",
    }
}

fn not_an_option(options: &Value, value: &Value) -> String {
    let options: Vec<String> = match options {
        Value::Array(options) => options.iter().map(plain).collect(),
        _ => Vec::new(),
    };
    let text = plain(value);
    let list = options.join(", ");
    match nearest(&text, options.iter().map(String::as_str)) {
        _ if LATER_VALUES.contains(&text.as_str()) => format!("`{text}` is not supported yet, use one of {list}"),
        Some(meant) if options.len() > 1 => format!("{} is not one of {list}; did you mean `{meant}`?", quote(&text)),
        _ => format!("{} is not one of {list}", quote(&text)),
    }
}

fn wrong_pattern(pattern: &str, value: &Value) -> String {
    let text = plain(value);
    match nines_base::duration::parse(&text) {
        Err(error) if pattern == nines_base::duration::PATTERN => error.to_string(),
        _ => format!("{} does not match the pattern {pattern}", quote(&text)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value as it may stand in a message: the kind of it where it is large.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "empty".into(),
        Value::Bool(value) => format!("the truth value {value}"),
        Value::Number(value) => format!("the number {value}"),
        Value::String(text) => format!("the text {}", quote(text)),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a mapping".into(),
    }
}

//! What is too much, and what is not although it looks so.

use std::fmt::Write;

use serde_json::json;

use super::*;

/// Each of `levels` definitions holds `twice`, which names the next definition by `NEXT`.
fn doubling(levels: usize, twice: &str) -> Value {
    let mut defs = String::new();
    for level in 0..levels {
        let next = twice.replace("NEXT", &format!("#/$defs/x{}", level + 1));
        write!(defs, "\"x{level}\": {next}, ").expect("a String takes all text");
    }
    let text = format!("{{\"$defs\": {{{defs} \"x{levels}\": {{}}}}, \"$ref\": \"#/$defs/x0\"}}");
    serde_json::from_str(&text).expect("a document")
}

/// `{"a": {"a": …}}`.
fn deep(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, _| json!({"a": inner}))
}

fn tree(allowed: &str) -> Value {
    let text = allowed.replace("SELF", "{\"$ref\": \"#\"}");
    serde_json::from_str(&text).expect("a document")
}

#[test]
fn work_that_doubles_is_refused_before_it_is_done() {
    let table = [
        (
            "allOf",
            doubling(30, r##"{"allOf": [{"$ref": "NEXT"}, {"$ref": "NEXT"}]}"##),
            json!(1),
        ),
        (
            "anyOf and not",
            doubling(30, r##"{"anyOf": [{"$ref": "NEXT"}], "not": {"$ref": "NEXT"}}"##),
            json!(1),
        ),
        (
            "what is left over",
            doubling(30, r##"{"allOf": [{"$ref": "NEXT"}], "unevaluatedProperties": false}"##),
            json!({}),
        ),
        (
            "with each level",
            tree(r#"{"properties": {"a": {"allOf": [SELF, SELF]}}}"#),
            deep(60),
        ),
        (
            "of lists",
            tree(r#"{"items": SELF, "contains": SELF}"#),
            (0..40).fold(json!(1), |inner, _| json!([inner])),
        ),
    ];
    for (name, schema, content) in table {
        let refused = check(&schema, &content).expect_err(name);
        assert!(refused.contains("steps"), "{name}: {refused}");
    }
}

#[test]
fn what_never_ends_or_goes_too_deep_is_refused() {
    let chain = doubling(70, r##"{"$ref": "NEXT"}"##);
    let named = json!({"$id": "http://a/b", "allOf": [{"$ref": "b"}]});
    let table = [
        ("itself", json!({"$ref": "#"}), "never ends"),
        ("by a name", named, "never ends"),
        (
            "by an anchor",
            json!({"$anchor": "me", "not": {"$ref": "#me"}}),
            "never ends",
        ),
        ("a long way", chain, "more than 64"),
        ("nowhere", json!({"$ref": "#/$defs/x"}), "does not have"),
    ];
    for (name, schema, part) in table {
        let refused = check(&schema, &json!({})).expect_err(name);
        assert!(refused.contains(part), "{name}: {refused}");
    }
}

/// Drafts differ in what a pointer starts from, the nearest name around it or the document.
#[test]
fn a_name_in_between_hides_nothing() {
    let mut schema = doubling(25, r##"{"allOf": [{"$ref": "NEXT"}, {"$ref": "NEXT"}]}"##);
    schema["$ref"] = json!("#/$defs/y");
    schema["$defs"]["y"] = json!({"id": "y", "$defs": {"x0": {}}, "allOf": [{"$ref": "#/$defs/x0"}]});
    let refused = check(&schema, &json!(1)).expect_err("the document's x0 counts");
    assert!(refused.contains("steps"), "{refused}");
}

/// Whatever the patterns allow: to try them is the work.
#[test]
fn many_patterns_against_many_keys_are_too_much() {
    let fields = |count: usize, value: Value| -> Value {
        let fields = (0..count).map(|n| (format!("a{n}"), value.clone()));
        Value::Object(fields.collect())
    };
    let patterns = |count| json!({"patternProperties": fields(count, json!(true))});
    let refused = check(&patterns(5000), &fields(5000, Value::Null)).expect_err("25 million tries");
    assert!(refused.contains("steps"), "{refused}");
    assert_eq!(check(&patterns(50), &fields(5000, Value::Null)), Ok(()));
}

#[test]
fn what_people_write_is_let_through() {
    let list: Vec<Value> = (0..100_000)
        .map(|n| json!({"name": format!("n{n}"), "size": n}))
        .collect();
    let item = json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": {"name": {"type": "string"}, "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}
    });
    let table = [
        ("a large list", json!({"items": item}), Value::Array(list)),
        (
            "a tree",
            tree(r#"{"properties": {"a": SELF}, "additionalProperties": false}"#),
            deep(100),
        ),
        (
            "the same twice",
            json!({"$defs": {"a b": {}}, "allOf": [{"$ref": "#/$defs/a%20b"}, {"$ref": "#/$defs/a%20b"}]}),
            json!(1),
        ),
        (
            "the language's own",
            json!({"$ref": "https://json-schema.org/draft/2020-12/schema"}),
            json!({}),
        ),
        (
            "an anchor",
            json!({"$defs": {"x": {"$anchor": "here"}}, "items": {"$ref": "#here"}}),
            json!([1]),
        ),
        ("nothing", json!(true), json!([1])),
    ];
    for (name, schema, content) in table {
        assert_eq!(check(&schema, &content), Ok(()), "{name}");
    }
}

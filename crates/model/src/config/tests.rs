use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::problem::Problem;

/// Validates a content and compares the problems, one a line.
#[track_caller]
fn check(format: Format, content: &str, schema: Option<&Value>, expected: &[&str]) {
    let problems = validate(format, content, schema).err().unwrap_or_default();
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(shown.len(), expected.len(), "{format} {content}: {shown:#?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(
            shown.starts_with(expected),
            "`{shown}` does not start with `{expected}`"
        );
    }
}

#[test]
fn syntax_is_checked_by_format() {
    let cases: [(Format, &str, &[&str]); 16] = [
        (Format::Json, "{\"a\": 1}", &[]),
        (Format::Json, "{\"a\": \"\\ud83d\\ude00\"}", &[]),
        (
            Format::Json,
            "{\"a\": 1,\n}",
            &["line 2 column 1: does not parse as JSON: trailing comma"],
        ),
        (Format::Json, "", &["line 1 column 0: does not parse as JSON: EOF"]),
        (
            Format::Json,
            "a: 1",
            &["line 1 column 1: does not parse as JSON: expected value"],
        ),
        (
            Format::Json,
            "{\"a\": 1,\n \"a\": 2}",
            &["line 2 column 2: the key `a` stands twice"],
        ),
        (Format::Yaml, "a: 1\n", &[]),
        (Format::Yaml, "", &[]),
        (Format::Yaml, "a: [\n", &["line 1 column 4: does not parse"]),
        (
            Format::Yaml,
            "a: 1\n---\nb: 1\n",
            &["line 3 column 1: a second document"],
        ),
        (Format::Toml, "a = 1\n[b]\nc = 1979-05-27T07:32:00Z\n", &[]),
        (
            Format::Toml,
            "a = \n[b\n",
            &[
                "line 1 column 5: does not parse as TOML",
                "line 2 column 3: does not parse as TOML",
            ],
        ),
        (
            Format::Toml,
            "a = 1\na = 2\n",
            &["line 2 column 1: does not parse as TOML: duplicate key"],
        ),
        (Format::Properties, "a=1\nb: 2\n", &[]),
        (
            Format::Properties,
            "a=1\n=2\n",
            &["line 2 column 1: the line has a value and no key"],
        ),
        (Format::Text, "a: [\0", &[]),
    ];
    for (format, content, expected) in cases {
        check(format, content, None, expected);
    }
}

#[test]
fn a_schema_is_kept_in_every_format_with_structure() {
    let schema = json!({
        "type": "object",
        "properties": {"percent": {"type": "integer", "maximum": 100}, "mode": {"enum": ["fast", "slow"]}},
        "required": ["mode"],
        "additionalProperties": false,
    });
    let schema = Some(&schema);
    check(Format::Json, "{\"mode\": \"fast\",\n \"percent\": 10}", schema, &[]);
    check(
        Format::Json,
        "{\"mode\": \"fsat\",\n \"percent\": 101,\n \"precent\": 1}",
        schema,
        &[
            "line 1 column 2: mode: `fsat` is not one of fast, slow; did you mean `fast`?",
            "line 2 column 2: percent: the number 101 is too large, the most is 100",
            "line 3 column 2: precent: unknown field `precent`, did you mean `percent`?",
        ],
    );
    check(
        Format::Yaml,
        "percent: x\n",
        schema,
        &[
            "line 1 column 1: percent: must be a whole number",
            "line 1 column 1: mode: is missing",
        ],
    );
    check(
        Format::Toml,
        "mode = 'fast'\npercent = 101\n",
        schema,
        &["line 2 column 1: percent: the number 101 is too large"],
    );
    check(
        Format::Properties,
        "mode=fast\ncolour=red\n",
        schema,
        &["line 2 column 1: colour: unknown field `colour`, allowed are mode, percent"],
    );
    check(
        Format::Yaml,
        "",
        schema,
        &["line 1 column 1: is empty: write a mapping"],
    );
    check(Format::Text, "x", schema, &["schema: a text has no structure"]);
}

#[test]
fn a_bad_schema_is_no_schema() {
    for (schema, expected) in [
        (json!({"type": "strin"}), "schema.type: is no valid JSON Schema"),
        (json!(7), "schema: is no valid JSON Schema"),
        (
            json!({"$ref": "http://127.0.0.1:1/x.json"}),
            "schema: is no valid JSON Schema",
        ),
        (json!({"pattern": "("}), "schema"),
        (json!({"description": "x".repeat(300 << 10)}), "schema: the schema has"),
    ] {
        check(Format::Json, "{}", Some(&schema), &[expected]);
    }
}

#[test]
fn the_size_is_bounded() {
    check(Format::Text, &"x".repeat(MAX_CONTENT), None, &[]);
    check(
        Format::Text,
        &"x".repeat(MAX_CONTENT + 1),
        None,
        &["content: the content has 1048577 bytes, the limit is 1048576"],
    );
}

#[test]
fn digests_and_differences() {
    assert_eq!(
        sha256("abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(diff("1", "a\n", "2", "a\n"), "");
    assert_eq!(
        diff("version 1", "a\nb\n", "version 2", "a\nc\n"),
        "--- version 1\n+++ version 2\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    );
}

#[test]
fn the_format_of_a_file() {
    for (name, format) in [
        ("a.json", Format::Json),
        ("a.yml", Format::Yaml),
        ("b/c.toml", Format::Toml),
        ("a", Format::Text),
    ] {
        assert_eq!(Format::of_file(name), format);
    }
}

proptest! {
    #[test]
    fn no_content_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0..Format::ALL.len()) {
        let text = String::from_utf8_lossy(&bytes);
        let verdict = validate(Format::ALL[which], &text, Some(&json!({"type": "object"})));
        prop_assert!(verdict.is_ok() || verdict.is_err_and(|problems| !problems.is_empty()));
    }

    #[test]
    fn properties_are_read_or_refused(text in "[a-z=: \\\\\n#!u0]{0,60}") {
        let verdict = validate(Format::Properties, &text, None);
        prop_assert!(verdict.is_ok() || verdict.is_err_and(|problems| !problems.is_empty()));
    }
}

//! What the shapes accept and refuse.

use super::*;
use serde_json::json;

fn refusal<T: serde::de::DeserializeOwned>(body: serde_json::Value) -> String {
    match serde_json::from_value::<T>(body) {
        Ok(_) => "accepted".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_publish_tells_an_absent_schema_from_null() {
    let read = |body| serde_json::from_value::<PublishRequest>(body).unwrap().schema;
    assert_eq!(read(json!({"format": "text", "content": ""})), None);
    assert_eq!(
        read(json!({"format": "text", "content": "", "schema": null})),
        Some(None)
    );
    assert_eq!(
        read(json!({"format": "text", "content": "", "schema": {}})),
        Some(Some(json!({})))
    );
}

#[test]
fn unknown_fields_and_wrong_types_are_refused() {
    let cases = [
        (
            refusal::<RegisterRequest>(json!({"address": "::1", "port": 1, "tll": "3s"})),
            "unknown field `tll`",
        ),
        (
            refusal::<RegisterRequest>(json!({"address": "::1", "port": 70000})),
            "expected u16",
        ),
        (
            refusal::<RegisterRequest>(json!({"address": "::1", "port": 1, "ttl": "3"})),
            "`3` is not a duration",
        ),
        (
            refusal::<OverrideRequest>(json!({"enabled": true})),
            "unknown field `enabled`",
        ),
        (
            refusal::<PublishRequest>(json!({"format": "ini", "content": ""})),
            "unknown variant `ini`",
        ),
        (
            refusal::<RollbackRequest>(json!({"version": -1})),
            "invalid value: integer `-1`",
        ),
    ];
    for (said, part) in cases {
        assert!(said.contains(part), "{said} does not contain {part}");
    }
}

#[test]
fn a_register_request_reads_back_as_written() {
    let body = json!({"address": "10.0.0.7", "port": 8080, "labels": {"version": "v1"}, "weight": 5, "ttl": "30s"});
    let request: RegisterRequest = serde_json::from_value(body.clone()).unwrap();
    assert_eq!(request.ttl, Some(std::time::Duration::from_secs(30)));
    assert_eq!(serde_json::to_value(&request).unwrap(), body);
}

//! The OpenAPI document says what is served.

use std::collections::BTreeSet;

use super::*;

/// Method and path of everything that is documented, with the variables filled in.
fn operations() -> Vec<(String, String)> {
    let document = serde_json::to_value(super::super::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{kind}", "service").replace(['{', '}'], "");
        for method in item.as_object().unwrap().keys() {
            found.push((method.to_uppercase(), path.clone()));
        }
    }
    found
}

#[tokio::test]
async fn every_documented_operation_is_served_and_strict() {
    let api = Api::start().await;
    for (method, path) in operations() {
        let reply = api.call(&method, &format!("{path}?surprise=1"), Body::empty()).await;
        let error = reply.refused(400, "invalid_argument", "unknown field `surprise`");
        assert_eq!(error["path"], "surprise", "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_not_documented_is_not_served() {
    let api = Api::start().await;
    let documented: BTreeSet<(String, String)> = operations().into_iter().collect();
    let paths: BTreeSet<&String> = documented.iter().map(|(_, path)| path).collect();
    for path in paths {
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
            let known = documented.contains(&(method.to_owned(), path.clone()));
            let served = api.call(method, &format!("{path}?surprise=1"), Body::empty()).await;
            assert_eq!(
                served.status != StatusCode::METHOD_NOT_ALLOWED,
                known,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_names_every_failure() {
    let api = Api::start().await;
    let reply = api.get("/v1/openapi.json").await;
    assert_eq!(reply.headers["content-type"], "application/json");
    let document = reply.body;
    assert_eq!(document["openapi"], "3.1.0");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = &operation["responses"];
            assert!(
                responses["default"].is_object() && responses["200"].is_object(),
                "{method} {path}"
            );
            assert!(
                operation["summary"].is_string(),
                "{method} {path} says nothing of itself"
            );
        }
    }
    assert_references(&document, &document);
}

/// The example of a body: its own, or that of the schema it refers to.
fn example<'a>(document: &'a Value, body: &'a Value) -> Option<&'a Value> {
    let content = body["content"].as_object()?.values().next()?;
    let of_schema = || {
        document
            .pointer(content["schema"]["$ref"].as_str()?.strip_prefix('#')?)?
            .get("example")
    };
    content.get("example").or_else(of_schema)
}

#[test]
fn every_body_has_an_example() {
    let document = serde_json::to_value(super::super::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let request = operation.get("requestBody");
            let responses = operation["responses"].as_object().unwrap().values();
            for body in request.into_iter().chain(responses) {
                assert!(
                    example(&document, body).is_some() || path == "/v1/openapi.json",
                    "{method} {path} has a body without an example"
                );
            }
        }
    }
}

#[track_caller]
fn assert_references(document: &Value, at: &Value) {
    match at {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap_or_default();
                assert!(document.pointer(pointer).is_some(), "{reference} points nowhere");
            }
            map.values().for_each(|value| assert_references(document, value));
        }
        Value::Array(list) => list.iter().for_each(|value| assert_references(document, value)),
        _ => {}
    }
}

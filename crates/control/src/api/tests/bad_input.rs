//! Everything that is refused, with status, kind, words and field.

use super::*;

const INSTANCE: &str = "/v1/namespaces/shop/services/orders/instances/a";
const CONFIG: &str = "/v1/namespaces/shop/configs/app.yaml";

/// Method, path, body; status, kind, part of the message, field.
type Case<'a> = (&'a str, &'a str, &'a str, u16, &'a str, &'a str, Option<&'a str>);

async fn check(cases: &[Case<'_>]) {
    let api = Api::start().await;
    let mut wrong = Vec::new();
    for (method, path, body, status, kind, part, field) in cases {
        let reply = api.call(method, path, body.to_string()).await;
        let error = &reply.body["error"];
        let said = error["message"].as_str().unwrap_or_default();
        let as_expected =
            (reply.status.as_u16(), &error["kind"], error["path"].as_str()) == (*status, &json!(kind), *field);
        if !as_expected || !said.contains(part) {
            let body: String = body.chars().take(100).collect();
            wrong.push(format!(
                "{method} {path} {body}\n  wanted {status} {kind} {field:?} `{part}`\n  got {} {error}",
                reply.status
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(api.revision().await, 0, "something was written");
}

const INVALID: &str = "invalid_argument";

#[rustfmt::skip] // a case a line
#[tokio::test]
async fn of_requests_as_such() {
    check(&[
        ("GET", "/v1/nothing", "", 404, "not_found", "/v1/nothing", None),
        ("GET", "/", "", 404, "not_found", "openapi.json", None),
        ("POST", "/v1/status", "", 405, INVALID, "does not take POST", None),
        ("PATCH", CONFIG, "", 405, INVALID, "does not take PATCH", None),
        ("GET", "/v1/status?verbose=1", "", 400, INVALID, "unknown field `verbose`", Some("verbose")),
        ("PUT", INSTANCE, "", 400, INVALID, "EOF while parsing", None),
        ("PUT", INSTANCE, "{", 400, INVALID, "line 1 column 1", None),
        ("PUT", INSTANCE, "[]{}", 400, INVALID, "the body is wrong", None),
        ("PUT", CONFIG, "{\"format\":\"text\",\"content\":\"\"} x", 400, INVALID, "trailing characters", None),
        ("PUT", CONFIG, "{\"format\":\"text\",\"content\":\"\\ud800\"}", 400, INVALID, "the body is wrong", Some("content")),
        ("PUT", "/v1/namespaces/%ff/configs/a", "{}", 400, INVALID, "UTF-8", None),
    ])
    .await;
}

#[rustfmt::skip] // a case a line
#[tokio::test]
async fn of_instances() {
    let body = |change: fn(&mut Value)| {
        let mut body = registration();
        change(&mut body);
        body.to_string()
    };
    let without_ttl = body(|b| drop(b.as_object_mut().unwrap().remove("ttl")));
    let port_zero = body(|b| b["port"] = json!(0));
    let port_huge = body(|b| b["port"] = json!(70000));
    let heavy = body(|b| b["weight"] = json!(10_001));
    let negative = body(|b| b["weight"] = json!(-1));
    let host = body(|b| b["address"] = json!("orders.local"));
    let nowhere = body(|b| b["address"] = json!("0.0.0.0"));
    let bare_ttl = body(|b| b["ttl"] = json!("30"));
    let number_ttl = body(|b| b["ttl"] = json!(30));
    let long_ttl = body(|b| b["ttl"] = json!("2h"));
    let unknown = body(|b| b["wieght"] = json!(1));
    let down = body(|b| b["state"] = json!("down"));
    let label = body(|b| b["labels"]["zone"] = json!(1));
    let good = registration().to_string();
    let over = format!("{INSTANCE}/override");
    check(&[
        ("PUT", INSTANCE, &without_ttl, 400, INVALID, "\"ttl\": \"30s\"", Some("ttl")),
        ("PUT", INSTANCE, &port_zero, 400, INVALID, "port 0", Some("port")),
        ("PUT", INSTANCE, &port_huge, 400, INVALID, "70000", Some("port")),
        ("PUT", INSTANCE, &heavy, 400, INVALID, "10001", Some("weight")),
        ("PUT", INSTANCE, &negative, 400, INVALID, "-1", Some("weight")),
        ("PUT", INSTANCE, &host, 400, INVALID, "`orders.local` is not an IP address", Some("address")),
        ("PUT", INSTANCE, &nowhere, 400, INVALID, "0.0.0.0", Some("address")),
        ("PUT", INSTANCE, &bare_ttl, 400, INVALID, "`30` is not a duration", Some("ttl")),
        ("PUT", INSTANCE, &number_ttl, 400, INVALID, "expected a string", Some("ttl")),
        ("PUT", INSTANCE, &long_ttl, 400, INVALID, "2h", Some("ttl")),
        ("PUT", INSTANCE, &unknown, 400, INVALID, "unknown field `wieght`", Some("wieght")),
        ("PUT", INSTANCE, &down, 400, INVALID, "cannot register as down", Some("state")),
        ("PUT", INSTANCE, &label, 400, INVALID, "expected a string", Some("labels.zone")),
        ("PUT", INSTANCE, "{\"port\":1}", 400, INVALID, "missing field `address`", Some("address")),
        ("PUT", "/v1/namespaces/Shop/services/o/instances/a", &good, 400, INVALID, "`Shop`", Some("namespace")),
        ("PUT", "/v1/namespaces/shop/services/o_o/instances/a", &good, 400, INVALID, "`o_o`", Some("service")),
        ("PUT", "/v1/namespaces/shop/services/o/instances/a%2Fb", &good, 400, INVALID, "`a/b`", Some("id")),
        ("PUT", &format!("{INSTANCE}/heartbeat"), "", 404, "not_found", "register again", None),
        ("DELETE", INSTANCE, "", 404, "not_found", "is not registered", None),
        ("GET", INSTANCE, "", 404, "not_found", "is not registered", None),
        ("PUT", &over, "{\"weight\":10001}", 400, INVALID, "10001", Some("weight")),
        ("PUT", &over, "{\"enabled\":true}", 400, INVALID, "unknown field `enabled`", Some("enabled")),
        ("GET", "/v1/namespaces/shop/services/o/instances?wait=1s", "", 400, INVALID, "wait needs revision", Some("revision")),
        ("GET", "/v1/namespaces/shop/services/o/instances?wait=6m&revision=1", "", 400, INVALID, "at most 5m", Some("wait")),
        ("GET", "/v1/namespaces/shop/services/o/instances?wait=1&revision=1", "", 400, INVALID, "not a duration", Some("wait")),
        ("GET", "/v1/namespaces/shop/services/o/instances?revision=-1", "", 400, INVALID, "invalid digit", Some("revision")),
        ("GET", "/v1/namespaces/UP/services", "", 400, INVALID, "`UP`", Some("namespace")),
    ])
    .await;
}

#[rustfmt::skip] // a case a line
#[tokio::test]
async fn of_configs() {
    let put = |format: &str, content: &str| json!({"format": format, "content": content}).to_string();
    let at_limit = put("text", &"x".repeat((1 << 20) + 1));
    let over_body = put("text", &"x".repeat(2 << 20));
    let breaks_schema = json!({"format": "json", "content": "{\n \"discount\": \"ten\"\n}",
        "schema": {"properties": {"discount": {"type": "integer"}}}})
    .to_string();
    let bad_schema = json!({"format": "json", "content": "{}", "schema": {"type": "integr"}}).to_string();
    let long_note = json!({"format": "text", "content": "", "note": "n".repeat(1025)}).to_string();
    let history = format!("{CONFIG}/history");
    let rollback = format!("{CONFIG}/rollback");
    check(&[
        ("GET", CONFIG, "", 404, "not_found", "shop/app.yaml does not exist", None),
        ("DELETE", CONFIG, "", 404, "not_found", "shop/app.yaml does not exist", None),
        ("GET", &history, "", 404, "not_found", "shop/app.yaml does not exist", None),
        ("POST", &rollback, "{\"version\":1}", 404, "not_found", "shop/app.yaml does not exist", None),
        ("POST", &rollback, "{}", 400, INVALID, "missing field `version`", Some("version")),
        ("PUT", CONFIG, &put("yaml", "a: [1"), 400, INVALID, "line 1", None),
        ("PUT", CONFIG, &put("json", "{\"a\":}"), 400, INVALID, "line 1", None),
        ("PUT", CONFIG, &put("toml", "a = "), 400, INVALID, "line 1", None),
        ("PUT", CONFIG, &put("ini", ""), 400, INVALID, "unknown variant `ini`", Some("format")),
        ("PUT", CONFIG, &at_limit, 413, "resource_exhausted", "1048577 bytes", Some("content")),
        ("PUT", CONFIG, &over_body, 413, "resource_exhausted", "2 MiB", None),
        ("PUT", CONFIG, &breaks_schema, 400, INVALID, "line 2", Some("discount")),
        ("PUT", CONFIG, &bad_schema, 400, INVALID, "schema", Some("schema.type")),
        ("PUT", CONFIG, &long_note, 400, INVALID, "1024 bytes", Some("note")),
        ("PUT", "/v1/namespaces/shop/configs/App", &put("text", ""), 400, INVALID, "`App`", Some("name")),
        ("GET", "/v1/namespaces/shop/configs?limit=0", "", 400, INVALID, "1 to 1000", Some("limit")),
        ("GET", &format!("{history}?limit=101"), "", 400, INVALID, "1 to 100", Some("limit")),
        ("GET", &format!("{CONFIG}/diff"), "", 400, INVALID, "missing field `from`", Some("from")),
        ("GET", &format!("{CONFIG}?version=1&wait=1s&revision=1"), "", 400, INVALID, "not both", Some("wait")),
        ("GET", &format!("{CONFIG}?version=x"), "", 400, INVALID, "invalid digit", Some("version")),
    ])
    .await;
}

#[rustfmt::skip] // a case a line
#[tokio::test]
async fn of_resources() {
    let route = |name: &str, backend: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}}}\nspec:\n  \
             parentRefs: [{{name: edge}}]\n  rules: [{{backendRefs: [{{name: {backend}}}]}}]\n"
        )
    };
    let gateway = |name: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: {name}}}\nspec:\n  \
             gatewayClassName: nines\n  listeners: [{{name: http, protocol: HTTP, port: 8080}}]\n"
        )
    };
    let service = "---\napiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: orders}\nspec: {}\n";
    let unknown_field = "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: a}\nspec:\n  selectr: {}\n";
    let wrong_type = "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: a}\nspec:\n  endpoints: 3\n";
    let dangling = gateway("edge") + &route("a", "orders");
    let doubled = gateway("edge") + service + &route("a", "orders") + &route("b", "orders");
    let clash = gateway("edge") + &gateway("other");
    let missing = "/v1/resources/httproute/shop/a";
    check(&[
        ("POST", "/v1/apply", "", 400, INVALID, "document", None),
        ("POST", "/v1/apply", "a: [1", 400, INVALID, "line", None),
        ("POST", "/v1/apply", unknown_field, 400, INVALID, "selectr", Some("spec.selectr")),
        ("POST", "/v1/apply", wrong_type, 400, INVALID, "line 5", Some("spec.endpoints")),
        ("POST", "/v1/apply", &dangling, 400, INVALID, "no Service default/orders", Some("spec.rules[0].backendRefs[0].name")),
        ("POST", "/v1/apply", &doubled, 400, INVALID, "HTTPRoute/default/", Some("spec.rules[0]")),
        ("POST", "/v1/apply", &clash, 400, INVALID, "8080", Some("spec.listeners[0].port")),
        ("POST", "/v1/apply?dryrun=true", service, 400, INVALID, "unknown field `dryrun`", Some("dryrun")),
        ("POST", "/v1/apply?dryRun=yes", service, 400, INVALID, "true", Some("dryRun")),
        ("GET", "/v1/resources/pods", "", 404, "not_found", "Gateway, HTTPRoute, Service, Policy", Some("kind")),
        ("GET", missing, "", 404, "not_found", "HTTPRoute/shop/a does not exist", None),
        ("DELETE", missing, "", 404, "not_found", "HTTPRoute/shop/a does not exist", None),
        ("GET", "/v1/resources/service/UP/a", "", 400, INVALID, "`UP`", Some("namespace")),
        ("GET", "/v1/resources/service?namespace=UP", "", 400, INVALID, "`UP`", Some("namespace")),
    ])
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_text_is_refused() {
    let api = Api::start().await;
    let reply = api.call("POST", "/v1/apply", vec![b'a', 0xff]).await;
    reply.refused(400, INVALID, "byte 1 is wrong");
}

#[tokio::test]
async fn a_document_lists_all_its_mistakes() {
    let api = Api::start().await;
    let text = "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: A}\nspec: {selectr: {}, port: 3}\n";
    let error = api.call("POST", "/v1/apply", text).await.refused(400, INVALID, "more");
    let problems = error["problems"].as_array().unwrap();
    assert!(problems.len() >= 2, "{error}");
    assert!(problems.iter().all(|problem| problem["line"].is_u64()), "{error}");
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let api = Api::start().await;
    let reply = api.call("POST", INSTANCE, Body::empty()).await;
    let allow = reply.headers["allow"].to_str().unwrap().to_owned();
    reply.refused(405, INVALID, "allow header");
    assert!(
        ["GET", "PUT", "DELETE"].iter().all(|method| allow.contains(method)),
        "{allow}"
    );
}

use super::*;
use crate::document::parse;

fn set(text: &str) -> Resources {
    let resources = parse(text, None).unwrap_or_else(|problems| panic!("{}", problem::render(&problems)));
    resources
        .into_iter()
        .map(|resource| (resource.key(), resource))
        .collect()
}

fn gateway(name: &str, listeners: &str) -> String {
    format!(
        "---\n{{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {{name: {name}}}, \
         spec: {{gatewayClassName: nines, listeners: [{listeners}]}}}}\n"
    )
}

fn route(name: &str, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: {name}}}, spec: {{{spec}}}}}\n"
    )
}

fn service(name: &str) -> String {
    format!("---\n{{apiVersion: nines.dev/v1, kind: Service, metadata: {{name: {name}}}, spec: {{}}}}\n")
}

fn policy(name: &str, target: &str) -> String {
    format!(
        "---\n{{apiVersion: nines.dev/v1, kind: Policy, metadata: {{name: {name}}}, spec: {{targetRefs: [{target}]}}}}\n"
    )
}

fn edge() -> String {
    gateway(
        "edge",
        "{name: http, protocol: HTTP, port: 80}, {name: shop, protocol: HTTP, port: 81, hostname: '*.shop'}",
    )
}

const TO_A: &str = "backendRefs: [{name: a}]";

/// Checks a set in which the service `registered` has instances; each problem starts with the text expected.
#[track_caller]
fn check_set(text: &str, expected: &[&str]) {
    let problems = check(&set(text), |key| key.name == "registered");
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(shown.len(), expected.len(), "{shown:#?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(
            shown.starts_with(expected),
            "`{shown}` does not start with `{expected}`"
        );
    }
}

#[test]
fn backends_must_be_known() {
    let routes = |backend: &str| {
        let spec = format!("parentRefs: [{{name: edge}}], rules: [{{backendRefs: [{{name: {backend}}}]}}]");
        format!("{}{}{}", edge(), service("orders"), route("r", &spec))
    };
    check_set(&routes("orders"), &[]);
    check_set(&routes("registered"), &[]);
    check_set(
        &routes("ordres"),
        &[
            "HTTPRoute/default/r: spec.rules[0].backendRefs[0].name: there is no Service default/ordres (did you mean \
           `orders`?) and no instance is registered under that name: start the service first",
        ],
    );
    check_set(
        &routes("orders, namespace: other"),
        &["HTTPRoute/default/r: spec.rules[0].backendRefs[0].name: there is no Service other/orders"],
    );
}

#[test]
fn parents_must_be_known() {
    let routes = |parent: &str, hosts: &str| {
        let spec = format!("parentRefs: [{{{parent}}}], hostnames: [{hosts}], rules: [{{{TO_A}}}]");
        format!("{}{}{}", edge(), service("a"), route("r", &spec))
    };
    let cases: [(&str, &str, &[&str]); 8] = [
        ("name: edge", "", &[]),
        ("name: edge, sectionName: shop", "eu.shop", &[]),
        ("name: edge, port: 81", "'*.eu.shop'", &[]),
        (
            "name: egde",
            "",
            &["HTTPRoute/default/r: spec.parentRefs[0].name: there is no Gateway default/egde (did you mean `edge`?)"],
        ),
        (
            "name: edge, namespace: x",
            "",
            &["HTTPRoute/default/r: spec.parentRefs[0].name: there is no Gateway x/edge"],
        ),
        (
            "name: edge, sectionName: tls",
            "",
            &[
                "HTTPRoute/default/r: spec.parentRefs[0].sectionName: the Gateway has no listener `tls`, it has http, shop",
            ],
        ),
        (
            "name: edge, port: 82",
            "",
            &["HTTPRoute/default/r: spec.parentRefs[0].port: the Gateway has no such listener on port 82"],
        ),
        (
            "name: edge, sectionName: shop",
            "shop",
            &["HTTPRoute/default/r: spec.parentRefs[0].name: no hostname of the route"],
        ),
    ];
    for (parent, hosts, expected) in cases {
        check_set(&routes(parent, hosts), expected);
    }
}

#[test]
fn the_same_requests_have_one_rule() {
    let first = route(
        "first",
        &format!(
            "parentRefs: [{{name: edge}}], hostnames: [a.b], rules: [{{matches: [{{path: {{value: /x}}}}], {TO_A}}}]"
        ),
    );
    let second = |parent: &str, hosts: &str, matches: &str| {
        let spec =
            format!("parentRefs: [{{{parent}}}], hostnames: [{hosts}], rules: [{{matches: [{matches}], {TO_A}}}]");
        format!("{}{}{first}{}", edge(), service("a"), route("second", &spec))
    };
    let clash = "HTTPRoute/default/second: spec.rules[0].matches[0]: matches the same requests as \
                 spec.rules[0].matches[0] of HTTPRoute/default/first";
    check_set(&second("name: edge", "a.b", "{path: {value: /x}}"), &[clash]);
    check_set(
        &second("name: edge, sectionName: http", "c, a.b", "{path: {value: /x/}}"),
        &[clash],
    );
    check_set(&second("name: edge", "a.c", "{path: {value: /x}}"), &[]);
    check_set(&second("name: edge", "a.b", "{path: {type: Exact, value: /x}}"), &[]);
    check_set(&second("name: edge", "a.b", "{path: {value: /x}, method: GET}"), &[]);
    let headers = |a: &str, b: &str| format!("{{headers: [{a}, {b}]}}");
    let (a, b) = ("{name: A, value: '1'}", "{name: b, value: '2'}");
    let both = format!("{}, {}", headers(a, b), headers(b, &a.to_lowercase()));
    check_set(
        &second("name: edge", "", &both),
        &[
            "HTTPRoute/default/second: spec.rules[0].matches[1]: matches the same requests as spec.rules[0].matches[0]: remove",
        ],
    );
}

#[test]
fn a_port_has_one_owner() {
    let two = |a: &str, b: &str| {
        gateway("a", &format!("{{name: http, protocol: HTTP, {a}}}"))
            + &gateway("b", &format!("{{name: http, protocol: HTTP, {b}}}"))
    };
    check_set(
        &two("port: 80", "port: 80"),
        &[
            "Gateway/default/b: spec.listeners[0].port: port 80 on 127.0.0.1 is taken by the listener `http` of Gateway/default/a",
        ],
    );
    check_set(&two("port: 80", "port: 81"), &[]);
    check_set(&two("port: 0", "port: 0"), &[]);
    check_set(&two("port: 80, hostname: a", "port: 80, hostname: b"), &[]);
    let wide = two("port: 80, hostname: a", "port: 80, hostname: b").replacen(
        "spec: {",
        "spec: {addresses: [{value: 0.0.0.0}], ",
        1,
    );
    check_set(
        &wide,
        &["Gateway/default/b: spec.listeners[0].port: port 80 on 127.0.0.1 is taken"],
    );
}

#[test]
fn a_target_has_one_policy() {
    let base = service("orders");
    let missing =
        "Policy/default/p: spec.targetRefs[0].name: there is no Service default/order (did you mean `orders`?)";
    check_set(
        &(base.clone() + &policy("p", "{kind: Service, name: order}")),
        &[missing],
    );
    check_set(&policy("p", "{kind: Service, name: registered}"), &[]);
    check_set(
        &policy("p", "{kind: HTTPRoute, name: r}"),
        &["Policy/default/p: spec.targetRefs[0].name: there is no HTTPRoute default/r"],
    );
    let two = policy("p", "{kind: Service, name: orders}") + &policy("q", "{kind: Service, name: orders}");
    check_set(
        &(base + &two),
        &["Policy/default/q: spec.targetRefs[0]: is governed by Policy/default/p already"],
    );
}

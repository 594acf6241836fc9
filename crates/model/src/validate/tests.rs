use std::collections::BTreeSet;

use crate::document::parse;

/// Reads one resource of that kind and spec and compares the problems, `path: message`, in any order.
#[track_caller]
fn check(kind: &str, spec: &str, expected: &[&str]) {
    let version = match kind {
        "Service" | "Policy" => "nines.dev/v1",
        _ => "gateway.networking.k8s.io/v1",
    };
    let text = format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}, spec: {spec}}}");
    let problems = parse(&text, None).err().unwrap_or_default();
    let shown = problems
        .iter()
        .map(|problem| format!("{}: {}", problem.path, problem.message));
    let shown: BTreeSet<String> = shown.collect();
    let expected: BTreeSet<&str> = expected.iter().copied().collect();
    assert_eq!(shown.len(), expected.len(), "{spec}: {shown:#?}");
    for (shown, expected) in shown.iter().zip(&expected) {
        assert!(
            shown.starts_with(*expected),
            "{spec}: `{shown}` does not start with `{expected}`"
        );
    }
}

fn rule(rule: &str) -> String {
    format!("{{parentRefs: [{{name: edge}}], rules: [{{{rule}}}]}}")
}

fn filters(filters: &str) -> String {
    rule(&format!("backendRefs: [{{name: a}}], filters: [{filters}]"))
}

#[test]
fn gateways() {
    let listener = "{name: http, protocol: HTTP, port: 80}";
    let cases: [(String, &[&str]); 8] = [
        (
            format!("{{gatewayClassName: istio, listeners: [{listener}]}}"),
            &["spec.gatewayClassName: `istio` belongs to another system"],
        ),
        (
            "{gatewayClassName: nines, listeners: []}".into(),
            &["spec.listeners: a gateway needs at least one listener"],
        ),
        (
            format!(
                "{{gatewayClassName: nines, addresses: [{{value: a.b}}, {{type: Hostname, value: a}}], listeners: [{listener}]}}"
            ),
            &[
                "spec.addresses[0].value: `a.b` is not an IP address",
                "spec.addresses[1].type: `Hostname` is not supported yet",
            ],
        ),
        (
            format!("{{gatewayClassName: nines, listeners: [{listener}, {{name: b, protocol: HTTP, port: 80}}]}}"),
            &["spec.listeners[1].port: port 80 for every host stands twice, first at spec.listeners[0].port"],
        ),
        (
            format!("{{gatewayClassName: nines, listeners: [{listener}, {{name: http, protocol: HTTP, port: 81}}]}}"),
            &["spec.listeners[1].name: the name `http` stands twice, first at spec.listeners[0].name"],
        ),
        (
            "{gatewayClassName: nines, listeners: [{name: http, protocol: HTTPS, port: 443}]}".into(),
            &["spec.listeners[0].protocol: `HTTPS` is not supported yet, use one of HTTP"],
        ),
        (
            format!("{{gatewayClassName: nines, listeners: [{listener}], infrastructure: {{}}}}"),
            &["spec.infrastructure: the field `infrastructure` of the standard is not supported yet: remove it"],
        ),
        (
            "{gatewayClassName: nines, listeners: [{name: A, hostname: 1.2.3.4, protocol: HTTP, port: 0}]}".into(),
            &[
                "spec.listeners[0].name: `A` is not a valid name",
                "spec.listeners[0].hostname: `1.2.3.4` is not a valid host name",
            ],
        ),
    ];
    for (spec, expected) in cases {
        check("Gateway", &spec, expected);
    }
}

#[test]
// long: one table
fn routes() {
    let cases: [(String, &[&str]); 17] = [
        ("{parentRefs: [], rules: []}".into(), &["spec.parentRefs: a route needs", "spec.rules: a route needs"]),
        (rule(""), &["spec.rules[0].backendRefs: a rule needs a backend"]),
        (
            rule("backendRefs: [{name: a}], filters: [{type: RequestRedirect, requestRedirect: {port: 1}}]"),
            &["spec.rules[0].backendRefs: a rule that redirects has no backends"],
        ),
        (
            "{parentRefs: [{name: edge, kind: Service, group: x}], rules: [{backendRefs: [{name: a}]}]}".into(),
            &["spec.parentRefs[0].kind: `Service` is not supported", "spec.parentRefs[0].group: must be gateway"],
        ),
        (
            rule("backendRefs: [{name: a, weight: 1000001}]"),
            &["spec.rules[0].backendRefs[0].weight: 1000001 is out of range, allowed are 0 to 1000000"],
        ),
        (
            rule("backendRefs: [{name: a, kind: ExternalName, port: 0}]"),
            &["spec.rules[0].backendRefs[0].kind: `ExternalName`", "spec.rules[0].backendRefs[0].port: 0 is no port"],
        ),
        (
            rule("backendRefs: [{name: a}], matches: [{path: {value: a}, method: get, headers: [{name: 'a b', value: \"x\\ny\"}]}]"),
            &[
                "spec.rules[0].matches[0].path.value: `a` is not a valid path: begin it",
                "spec.rules[0].matches[0].method: methods are case-sensitive, did you mean `GET`?",
                "spec.rules[0].matches[0].headers[0].name: `a b` is not a valid header name",
                "spec.rules[0].matches[0].headers[0].value: `x\\ny` holds a control character",
            ],
        ),
        (
            rule("backendRefs: [{name: a}], matches: [{headers: [{name: X-A, value: a}, {name: x-a, value: b}]}]"),
            &["spec.rules[0].matches[0].headers[1].name: `x-a` stands twice"],
        ),
        (
            rule("backendRefs: [{name: a}], timeouts: {request: 1s, backendRequest: 2s}"),
            &["spec.rules[0].timeouts.backendRequest: one attempt may not take longer"],
        ),
        (rule("backendRefs: [{name: a}], timeouts: {request: 0s, backendRequest: 2s}"), &[]),
        (
            "{parentRefs: [{name: e}], hostnames: [a, a], rules: [{name: r, backendRefs: [{name: a}]}, {name: r, backendRefs: [{name: a}]}]}".into(),
            &["spec.hostnames[1]: `a` stands twice", "spec.rules[1].name: `r` stands twice"],
        ),
        (filters("{type: RequestMirror}"), &["spec.rules[0].filters[0].type: `RequestMirror` is not supported yet"]),
        (
            filters("{type: URLRewrite, requestRedirect: {}}"),
            &[
                "spec.rules[0].filters[0].requestRedirect: does not belong to a filter of type URLRewrite",
                "spec.rules[0].filters[0].urlRewrite: is missing: a filter of type URLRewrite needs it",
            ],
        ),
        (
            filters("{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Host, value: a}], remove: [content-length]}}"),
            &[
                "spec.rules[0].filters[0].requestHeaderModifier.set[0].name: `host` is changed by a URLRewrite",
                "spec.rules[0].filters[0].requestHeaderModifier.remove[0]: `content-length` is written by the proxy",
            ],
        ),
        (
            rule("filters: [{type: RequestRedirect, requestRedirect: {scheme: ftp, hostname: '*.a', statusCode: 200}}]"),
            &[
                "spec.rules[0].filters[0].requestRedirect.scheme: `ftp` is not one of http, https",
                "spec.rules[0].filters[0].requestRedirect.hostname: `*.a` is not a valid host name: no wildcard",
                "spec.rules[0].filters[0].requestRedirect.statusCode: 200 is not one of 301",
            ],
        ),
        (
            filters("{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: ''}}}"),
            &[],
        ),
        (
            rule("matches: [{path: {type: Exact, value: /a}}], backendRefs: [{name: a}], filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replaceFullPath: /}}}]"),
            &[
                "spec.rules[0].filters[0].urlRewrite.path.replacePrefixMatch: is missing",
                "spec.rules[0].filters[0].urlRewrite.path.type: a prefix can be replaced only where",
                "spec.rules[0].filters[0].urlRewrite.path.replaceFullPath: does not belong",
            ],
        ),
    ];
    for (spec, expected) in cases {
        check("HTTPRoute", &spec, expected);
    }
}

#[test]
fn services() {
    let cases: [(&str, &[&str]); 6] = [
        (
            "{selector: {service: A, labels: {'a b': x}}}",
            &[
                "spec.selector.service: `A`",
                "spec.selector.labels[\"a b\"]: `a b` is not a valid label",
            ],
        ),
        (
            "{endpoints: [{address: 'a:80'}, {address: '1.2.3.4'}, {address: '1.2.3.4:0'}, {address: '0.0.0.0:1'}]}",
            &[
                "spec.endpoints[0].address: `a:80` is not an address to connect to",
                "spec.endpoints[1]",
                "spec.endpoints[2]",
                "spec.endpoints[3]",
            ],
        ),
        (
            "{endpoints: [{address: '1.2.3.4:1', weight: 10001}]}",
            &["spec.endpoints[0].weight: 10001 is out of range, allowed are 0 to 10000"],
        ),
        ("{protocol: grpc}", &["spec.protocol: only `http` is supported yet"]),
        (
            "{healthCheck: {path: a, interval: 1ms, timeout: 2s, threshold: 0}}",
            &[
                "spec.healthCheck.path: `a`",
                "spec.healthCheck.interval: 1ms is out of range, allowed are 100ms to 1h",
                "spec.healthCheck.timeout: may not be longer",
                "spec.healthCheck.threshold: 0 is out of range, allowed are 1 to 100",
            ],
        ),
        (
            "{massLossThreshold: 0}",
            &["spec.massLossThreshold: 0 is out of range, allowed is more than 0 up to 1"],
        ),
    ];
    for (spec, expected) in cases {
        check("Service", spec, expected);
    }
}

#[test]
fn policy_targets() {
    let cases: [(&str, &[&str]); 3] = [
        ("{targetRefs: []}", &["spec.targetRefs: a policy needs"]),
        (
            "{targetRefs: [{kind: Service, name: a}, {kind: Service, name: a}]}",
            &["spec.targetRefs[1]: the target `a` stands twice"],
        ),
        (
            "{targetRefs: [{kind: Gateway, name: a}]}",
            &["spec.targetRefs[0].kind: `Gateway` is not one of Service, HTTPRoute"],
        ),
    ];
    for (spec, expected) in cases {
        check("Policy", spec, expected);
    }
}

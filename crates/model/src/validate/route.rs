//! HTTPRoute.

use super::{Report, filter, text};
use crate::problem::quote;
use crate::route::{BackendRef, FilterKind, HttpRoute, Match, ParentRef, Rule, Timeouts, ValueMatch};

const MAX_WEIGHT: u32 = 1_000_000;
const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

pub(super) fn validate(report: &mut Report, route: &HttpRoute) {
    report.ensure(!route.parent_refs.is_empty(), "spec.parentRefs", || {
        "a route needs a Gateway to hang on".into()
    });
    for (index, parent) in route.parent_refs.iter().enumerate() {
        validate_parent(report, &format!("spec.parentRefs[{index}]"), parent);
    }
    for (index, hostname) in route.hostnames.iter().enumerate() {
        report.take(format!("spec.hostnames[{index}]"), text::hostname(hostname, true));
    }
    report.unique(
        route
            .hostnames
            .iter()
            .enumerate()
            .map(|(index, host)| (format!("spec.hostnames[{index}]"), host.as_str(), quote(host))),
    );
    report.ensure(!route.rules.is_empty(), "spec.rules", || {
        "a route needs at least one rule".into()
    });
    for (index, rule) in route.rules.iter().enumerate() {
        validate_rule(report, &format!("spec.rules[{index}]"), rule);
    }
    let named = route
        .rules
        .iter()
        .enumerate()
        .filter_map(|(index, rule)| Some((index, rule.name.as_deref()?)));
    report.unique(named.map(|(index, name)| (format!("spec.rules[{index}].name"), name, quote(name))));
}

fn validate_parent(report: &mut Report, at: &str, parent: &ParentRef) {
    if let Some(group) = parent.group.as_deref().filter(|group| *group != GATEWAY_GROUP) {
        report.add(
            format!("{at}.group"),
            format!("must be {GATEWAY_GROUP}, not {}", quote(group)),
        );
    }
    if let Some(kind) = parent.kind.as_deref().filter(|kind| *kind != "Gateway") {
        report.add(
            format!("{at}.kind"),
            format!("{} is not supported as a parent, use Gateway", quote(kind)),
        );
    }
    if let Some(namespace) = &parent.namespace {
        report.name(format!("{at}.namespace"), namespace);
    }
    report.name(format!("{at}.name"), &parent.name);
    if let Some(section) = &parent.section_name {
        report.name(format!("{at}.sectionName"), section);
    }
}

fn validate_rule(report: &mut Report, at: &str, rule: &Rule) {
    if let Some(name) = &rule.name {
        report.name(format!("{at}.name"), name);
    }
    for (index, condition) in rule.matches.iter().enumerate() {
        validate_match(report, &format!("{at}.matches[{index}]"), condition);
    }
    filter::validate_all(report, &format!("{at}.filters"), &rule.filters, &rule.matches);
    for (index, backend) in rule.backend_refs.iter().enumerate() {
        validate_backend(report, &format!("{at}.backendRefs[{index}]"), backend, &rule.matches);
    }
    if let Some(timeouts) = &rule.timeouts {
        validate_timeouts(report, &format!("{at}.timeouts"), timeouts);
    }
    let redirects = rule
        .filters
        .iter()
        .any(|filter| filter.kind == FilterKind::RequestRedirect);
    match (redirects, rule.backend_refs.is_empty()) {
        (false, true) => report.add(
            format!("{at}.backendRefs"),
            "a rule needs a backend or a RequestRedirect filter",
        ),
        (true, false) => report.add(
            format!("{at}.backendRefs"),
            "a rule that redirects has no backends: remove one or the other",
        ),
        _ => {}
    }
}

fn validate_match(report: &mut Report, at: &str, condition: &Match) {
    if let Some(path) = &condition.path {
        report.take(format!("{at}.path.value"), text::path(&path.value));
    }
    if let Some(method) = &condition.method {
        report.take(format!("{at}.method"), validate_method(method));
    }
    for (index, header) in condition.headers.iter().enumerate() {
        let at = format!("{at}.headers[{index}]");
        report.take(format!("{at}.name"), text::token(&header.name, "header name"));
        report.take(format!("{at}.value"), text::header_value(&header.value));
    }
    for (index, param) in condition.query_params.iter().enumerate() {
        let at = format!("{at}.queryParams[{index}].name");
        report.ensure((1..=256).contains(&param.name.len()), at, || {
            "the name of a query parameter has 1 to 256 bytes".into()
        });
    }
    unique_names(
        report,
        &format!("{at}.headers"),
        &condition.headers,
        str::to_ascii_lowercase,
    );
    unique_names(
        report,
        &format!("{at}.queryParams"),
        &condition.query_params,
        str::to_owned,
    );
}

fn validate_method(method: &str) -> Result<(), String> {
    text::token(method, "method")?;
    let upper = method.to_ascii_uppercase();
    let good = upper == method;
    good.then_some(())
        .ok_or_else(|| format!("methods are case-sensitive, did you mean `{upper}`?"))
}

fn unique_names(report: &mut Report, at: &str, conditions: &[ValueMatch], key: fn(&str) -> String) {
    let names = conditions.iter().enumerate();
    report.unique(names.map(|(index, condition)| {
        (
            format!("{at}[{index}].name"),
            key(&condition.name),
            quote(&condition.name),
        )
    }));
}

fn validate_backend(report: &mut Report, at: &str, backend: &BackendRef, matches: &[Match]) {
    let group = backend.group.as_deref().unwrap_or_default();
    report.ensure(
        matches!(group, "" | "core" | "nines.dev"),
        format!("{at}.group"),
        || format!("{} is not supported as a backend, leave it out", quote(group)),
    );
    let kind = backend.kind.as_deref().unwrap_or("Service");
    report.ensure(kind == "Service", format!("{at}.kind"), || {
        format!("{} is not supported as a backend, use Service", quote(kind))
    });
    if let Some(namespace) = &backend.namespace {
        report.name(format!("{at}.namespace"), namespace);
    }
    report.name(format!("{at}.name"), &backend.name);
    report.range(format!("{at}.weight"), backend.weight, 0..=MAX_WEIGHT);
    report.ensure(backend.port != Some(0), format!("{at}.port"), || {
        "0 is no port to connect to".into()
    });
    filter::validate_all(report, &format!("{at}.filters"), &backend.filters, matches);
    for (index, filter) in backend.filters.iter().enumerate() {
        report.ensure(
            filter.kind != FilterKind::RequestRedirect,
            format!("{at}.filters[{index}].type"),
            || "a redirect never reaches a backend: put it on the rule".into(),
        );
    }
}

fn validate_timeouts(report: &mut Report, at: &str, timeouts: &Timeouts) {
    let (Some(request), Some(attempt)) = (timeouts.request, timeouts.backend_request) else {
        return;
    };
    let good = request.is_zero() || attempt <= request;
    report.ensure(good, format!("{at}.backendRequest"), || {
        "one attempt may not take longer than the whole request".into()
    });
}

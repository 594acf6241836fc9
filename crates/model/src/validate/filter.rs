//! Filters of HTTPRoutes.

use super::{Report, text};
use crate::problem::quote;
use crate::route::{
    Filter, FilterKind, Header, HeaderModifier, Match, PathKind, PathModifier, PathModifierKind, RESERVED_HEADERS,
    Redirect, Rewrite,
};

pub(super) fn validate_all(report: &mut Report, at: &str, filters: &[Filter], matches: &[Match]) {
    for (index, filter) in filters.iter().enumerate() {
        validate_one(report, &format!("{at}[{index}]"), filter, matches);
    }
    report.unique(filters.iter().enumerate().map(|(index, filter)| {
        let name = kind_name(filter.kind);
        (format!("{at}[{index}].type"), name, format!("the filter {name}"))
    }));
    let position = |kind| filters.iter().position(|filter| filter.kind == kind);
    if let (Some(_), Some(rewrite)) = (position(FilterKind::RequestRedirect), position(FilterKind::UrlRewrite)) {
        let message = "a rule redirects or rewrites, not both";
        report.add(format!("{at}[{rewrite}].type"), message);
    }
}

fn validate_one(report: &mut Report, at: &str, filter: &Filter, matches: &[Match]) {
    agree(report, at, filter);
    if let Some(edits) = &filter.request_header_modifier {
        validate_edits(report, &format!("{at}.requestHeaderModifier"), edits);
    }
    if let Some(edits) = &filter.response_header_modifier {
        validate_edits(report, &format!("{at}.responseHeaderModifier"), edits);
    }
    if let Some(redirect) = &filter.request_redirect {
        validate_redirect(report, &format!("{at}.requestRedirect"), redirect, matches);
    }
    if let Some(rewrite) = &filter.url_rewrite {
        validate_rewrite(report, &format!("{at}.urlRewrite"), rewrite, matches);
    }
}

fn kind_name(kind: FilterKind) -> &'static str {
    match kind {
        FilterKind::RequestHeaderModifier => "RequestHeaderModifier",
        FilterKind::ResponseHeaderModifier => "ResponseHeaderModifier",
        FilterKind::RequestRedirect => "RequestRedirect",
        FilterKind::UrlRewrite => "URLRewrite",
    }
}

/// Exactly the field that `type` names is set.
fn agree(report: &mut Report, at: &str, filter: &Filter) {
    let fields = [
        (
            FilterKind::RequestHeaderModifier,
            "requestHeaderModifier",
            filter.request_header_modifier.is_some(),
        ),
        (
            FilterKind::ResponseHeaderModifier,
            "responseHeaderModifier",
            filter.response_header_modifier.is_some(),
        ),
        (
            FilterKind::RequestRedirect,
            "requestRedirect",
            filter.request_redirect.is_some(),
        ),
        (FilterKind::UrlRewrite, "urlRewrite", filter.url_rewrite.is_some()),
    ];
    let name = kind_name(filter.kind);
    for (kind, field, set) in fields {
        let path = format!("{at}.{field}");
        match (kind == filter.kind, set) {
            (true, false) => report.add(path, format!("is missing: a filter of type {name} needs it")),
            (false, true) => report.add(path, format!("does not belong to a filter of type {name}")),
            _ => {}
        }
    }
}

fn validate_edits(report: &mut Report, at: &str, edits: &HeaderModifier) {
    let empty = edits.set.is_empty() && edits.add.is_empty() && edits.remove.is_empty();
    report.ensure(!empty, at, || "edits nothing: give set, add or remove".into());
    validate_headers(report, &format!("{at}.set"), &edits.set);
    validate_headers(report, &format!("{at}.add"), &edits.add);
    for (index, name) in edits.remove.iter().enumerate() {
        report.take(format!("{at}.remove[{index}]"), header_name(name));
    }
    let removed = edits.remove.iter().enumerate();
    report
        .unique(removed.map(|(index, name)| (format!("{at}.remove[{index}]"), name.to_ascii_lowercase(), quote(name))));
}

fn validate_headers(report: &mut Report, at: &str, headers: &[Header]) {
    for (index, header) in headers.iter().enumerate() {
        report.take(format!("{at}[{index}].name"), header_name(&header.name));
        report.take(format!("{at}[{index}].value"), text::header_value(&header.value));
    }
    report.unique(headers.iter().enumerate().map(|(index, header)| {
        (
            format!("{at}[{index}].name"),
            header.name.to_ascii_lowercase(),
            quote(&header.name),
        )
    }));
}

fn header_name(name: &str) -> Result<(), String> {
    text::token(name, "header name")?;
    match name.to_ascii_lowercase().as_str() {
        "host" => Err("`host` is changed by a URLRewrite filter's hostname".into()),
        lower if RESERVED_HEADERS.contains(&lower) => {
            Err(format!("`{lower}` is written by the proxy and cannot be edited"))
        }
        _ => Ok(()),
    }
}

fn validate_redirect(report: &mut Report, at: &str, redirect: &Redirect, matches: &[Match]) {
    if let Some(scheme) = redirect
        .scheme
        .as_deref()
        .filter(|scheme| !matches!(*scheme, "http" | "https"))
    {
        report.add(
            format!("{at}.scheme"),
            format!("{} is not one of http, https", quote(scheme)),
        );
    }
    if let Some(hostname) = &redirect.hostname {
        report.take(format!("{at}.hostname"), text::hostname(hostname, false));
    }
    report.ensure(redirect.port != Some(0), format!("{at}.port"), || {
        "0 is no port to connect to".into()
    });
    if let Some(code) = redirect
        .status_code
        .filter(|code| !matches!(code, 301 | 302 | 303 | 307 | 308))
    {
        let message = format!("{code} is not one of 301, 302, 303, 307, 308");
        report.add(format!("{at}.statusCode"), message);
    }
    if let Some(path) = &redirect.path {
        validate_path(report, &format!("{at}.path"), path, matches);
    }
}

fn validate_rewrite(report: &mut Report, at: &str, rewrite: &Rewrite, matches: &[Match]) {
    let empty = rewrite.hostname.is_none() && rewrite.path.is_none();
    report.ensure(!empty, at, || "rewrites nothing: give hostname or path".into());
    if let Some(hostname) = &rewrite.hostname {
        report.take(format!("{at}.hostname"), text::hostname(hostname, false));
    }
    if let Some(path) = &rewrite.path {
        validate_path(report, &format!("{at}.path"), path, matches);
    }
}

fn validate_path(report: &mut Report, at: &str, modifier: &PathModifier, matches: &[Match]) {
    let (full, prefix) = (&modifier.replace_full_path, &modifier.replace_prefix_match);
    let fields = match modifier.kind {
        PathModifierKind::ReplaceFullPath => [("replaceFullPath", full), ("replacePrefixMatch", prefix)],
        PathModifierKind::ReplacePrefixMatch => [("replacePrefixMatch", prefix), ("replaceFullPath", full)],
    };
    let [(wanted, value), (other, stray)] = fields;
    match value {
        None => report.add(format!("{at}.{wanted}"), "is missing: the path's type names it"),
        // An empty prefix takes the matched prefix away.
        Some(value) if value.is_empty() && wanted == "replacePrefixMatch" => {}
        Some(value) => report.take(format!("{at}.{wanted}"), text::path(value)),
    }
    report.ensure(stray.is_none(), format!("{at}.{other}"), || {
        "does not belong to the path's type".into()
    });
    let exact = |m: &Match| m.path.as_ref().is_some_and(|path| path.kind == PathKind::Exact);
    if modifier.kind == PathModifierKind::ReplacePrefixMatch && matches.iter().any(exact) {
        let message = "a prefix can be replaced only where all matches of the rule are of type PathPrefix";
        report.add(format!("{at}.type"), message);
    }
}

//! Fallbacks.

use super::{DAY, SECOND};
use crate::policy::{Fallback, StaleIfError};
use crate::validate::{Report, text};

const MAX_BODY: usize = 64 << 10;

pub(super) fn validate(report: &mut Report, fallback: &Fallback) {
    let none = fallback.status.is_none() && fallback.service.is_none() && fallback.stale_if_error.is_none();
    report.ensure(!none, "spec.fallback", || {
        "answers nothing: add staleIfError, service or status".into()
    });
    validate_static(report, fallback);
    if let Some(stale) = &fallback.stale_if_error {
        validate_stale(report, stale);
    }
    if let Some(service) = &fallback.service {
        report.name("spec.fallback.service.name", &service.name);
        if let Some(namespace) = &service.namespace {
            report.name("spec.fallback.service.namespace", namespace);
        }
    }
}

fn validate_static(report: &mut Report, fallback: &Fallback) {
    if let Some(status) = fallback.status {
        report.range("spec.fallback.status", status, 200..=599);
    } else {
        let fields = [
            ("contentType", fallback.content_type.is_some()),
            ("body", !fallback.body.is_empty()),
        ];
        for (field, given) in fields {
            report.ensure(!given, format!("spec.fallback.{field}"), || {
                "belongs to a static answer, which needs a status".into()
            });
        }
    }
    if let Some(content_type) = &fallback.content_type {
        report.take("spec.fallback.contentType", text::header_value(content_type));
    }
    report.ensure(fallback.body.len() <= MAX_BODY, "spec.fallback.body", || {
        "is longer than 64 KiB".into()
    });
}

fn validate_stale(report: &mut Report, stale: &StaleIfError) {
    let at = "spec.fallback.staleIfError";
    report.duration(format!("{at}.maxAge"), stale.max_age, SECOND..=30 * DAY);
    report.range(format!("{at}.maxEntries"), stale.max_entries, 1..=1_000_000);
    report.range(format!("{at}.maxBytes"), stale.max_bytes, 1..=1 << 30);
}

//! Policy.

use std::time::Duration;

use super::{Rate, Report, text};
use crate::policy::{
    Breaker, Concurrency, Fallback, Outlier, Policy, RateLimit, Retry, TargetKind, TargetRef, Timeout,
};
use crate::problem::quote;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const MAX_FALLBACK_BODY: usize = 64 << 10;

pub(super) fn validate(report: &mut Report, policy: &Policy) {
    validate_targets(report, &policy.target_refs);
    if let Some(slow_start) = policy.balance.as_ref().and_then(|balance| balance.slow_start) {
        report.duration("spec.balance.slowStart", slow_start, Duration::ZERO..=HOUR);
    }
    if let Some(timeout) = &policy.timeout {
        validate_timeout(report, timeout);
    }
    if let Some(retry) = &policy.retry {
        validate_retry(report, retry);
    }
    if let Some(breaker) = &policy.breaker {
        validate_breaker(report, breaker);
    }
    if let Some(outlier) = &policy.outlier {
        validate_outlier(report, outlier);
    }
    if let Some(bulkhead) = &policy.bulkhead {
        report.range("spec.bulkhead.maxInFlight", bulkhead.max_in_flight, 1..=1_000_000);
        report.range("spec.bulkhead.maxQueue", bulkhead.max_queue, 0..=1_000_000);
    }
    if let Some(concurrency) = &policy.concurrency {
        validate_concurrency(report, concurrency);
    }
    for (index, limit) in policy.rate_limits.iter().enumerate() {
        validate_rate_limit(report, &format!("spec.rateLimits[{index}]"), limit);
    }
    if let Some(fallback) = &policy.fallback {
        validate_fallback(report, fallback);
    }
}

fn validate_targets(report: &mut Report, targets: &[TargetRef]) {
    report.ensure(!targets.is_empty(), "spec.targetRefs", || {
        "a policy needs at least one target".into()
    });
    for (index, target) in targets.iter().enumerate() {
        let at = format!("spec.targetRefs[{index}]");
        report.name(format!("{at}.name"), &target.name);
        let group = target.group.as_deref().unwrap_or_default();
        let good = match target.kind {
            TargetKind::Service => matches!(group, "" | "core" | "nines.dev"),
            TargetKind::HttpRoute => matches!(group, "" | "gateway.networking.k8s.io"),
        };
        report.ensure(good, format!("{at}.group"), || {
            format!("{} has no such kind, leave the group out", quote(group))
        });
    }
    report.unique(targets.iter().enumerate().map(|(index, target)| {
        let key = (target.kind == TargetKind::Service, target.name.as_str());
        (
            format!("spec.targetRefs[{index}]"),
            key,
            format!("the target {}", quote(&target.name)),
        )
    }));
}

fn validate_timeout(report: &mut Report, timeout: &Timeout) {
    if let Some(connect) = timeout.connect {
        report.duration("spec.timeout.connect", connect, MILLISECOND..=60 * SECOND);
    }
    if let Some(request) = timeout.request {
        report.duration("spec.timeout.request", request, Duration::ZERO..=24 * HOUR);
    }
}

fn validate_retry(report: &mut Report, retry: &Retry) {
    report.range("spec.retry.attempts", retry.attempts, 0..=10);
    if let Some(budget) = &retry.budget {
        report.share("spec.retry.budget.ratio", budget.ratio);
        report.range("spec.retry.budget.minPerSecond", budget.min_per_second, 0..=10_000);
    }
    if let Some(backoff) = &retry.backoff {
        report.duration("spec.retry.backoff.base", backoff.base, MILLISECOND..=60 * SECOND);
        report.duration(
            "spec.retry.backoff.max",
            backoff.max,
            backoff.base..=HOUR.max(backoff.base),
        );
    }
}

fn validate_breaker(report: &mut Report, breaker: &Breaker) {
    report.duration("spec.breaker.window", breaker.window, SECOND..=600 * SECOND);
    report.range("spec.breaker.minCalls", breaker.min_calls, 1..=1_000_000);
    report.share("spec.breaker.failureRate", breaker.failure_rate);
    report.duration("spec.breaker.openFor", breaker.open_for, 100 * MILLISECOND..=HOUR);
    let most = (24 * HOUR).max(breaker.open_for);
    report.duration("spec.breaker.maxOpenFor", breaker.max_open_for, breaker.open_for..=most);
    report.range("spec.breaker.halfOpenCalls", breaker.half_open_calls, 1..=1000);
}

fn validate_outlier(report: &mut Report, outlier: &Outlier) {
    report.range("spec.outlier.consecutiveErrors", outlier.consecutive_errors, 1..=1000);
    report.duration("spec.outlier.baseEjection", outlier.base_ejection, SECOND..=HOUR);
    let most = (24 * HOUR).max(outlier.base_ejection);
    report.duration(
        "spec.outlier.maxEjection",
        outlier.max_ejection,
        outlier.base_ejection..=most,
    );
}

fn validate_concurrency(report: &mut Report, concurrency: &Concurrency) {
    report.range("spec.concurrency.min", concurrency.min, 1..=1_000_000);
    let most = 1_000_000.max(concurrency.min);
    report.range("spec.concurrency.max", concurrency.max, concurrency.min..=most);
}

fn validate_rate_limit(report: &mut Report, at: &str, limit: &RateLimit) {
    report.take(format!("{at}.rate"), limit.rate.parse::<Rate>().map(|_| ()));
    if let Some(burst) = limit.burst {
        report.range(format!("{at}.burst"), burst, 1..=10_000_000);
    }
    report.take(format!("{at}.key"), validate_key(&limit.key));
}

fn validate_key(key: &str) -> Result<(), String> {
    match key.strip_prefix("header:") {
        Some(name) => text::token(name, "header name"),
        None if matches!(key, "clientIp" | "service" | "route") => Ok(()),
        None => Err(format!(
            "{} is not one of clientIp, service, route, header:NAME",
            quote(key)
        )),
    }
}

fn validate_fallback(report: &mut Report, fallback: &Fallback) {
    report.range("spec.fallback.status", fallback.status, 200..=599);
    if let Some(content_type) = &fallback.content_type {
        report.take("spec.fallback.contentType", text::header_value(content_type));
    }
    report.ensure(fallback.body.len() <= MAX_FALLBACK_BODY, "spec.fallback.body", || {
        "is longer than 64 KiB".into()
    });
}

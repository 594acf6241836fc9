//! Policy.

mod breaker;
mod fallback;
mod limit;
mod load;
mod retry;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Report;
use crate::policy::{Balance, Outlier, Policy, TargetKind, TargetRef, Timeout};
use crate::problem::quote;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn validate(report: &mut Report, policy: &Policy) {
    validate_targets(report, &policy.target_refs);
    validate_sections(report, policy);
}

/// All but the targets, which a policy that code made for itself does not have.
pub(super) fn validate_sections(report: &mut Report, policy: &Policy) {
    let timeout = policy.timeout.unwrap_or_default();
    validate_timeout(report, &timeout);
    validate_ejection(report, policy.balance.as_ref(), policy.outlier.as_ref());
    if let Some(retry) = &policy.retry {
        retry::validate(report, retry);
    }
    if let Some(hedge) = &policy.hedge {
        retry::validate_hedge(report, hedge, &timeout);
    }
    if let Some(breaker) = &policy.breaker {
        breaker::validate(report, breaker, &timeout);
    }
    if let Some(throttle) = &policy.throttle {
        breaker::validate_throttle(report, throttle);
    }
    load::validate(report, policy);
    for (index, limit) in policy.rate_limits.iter().enumerate() {
        limit::validate(report, &format!("spec.rateLimits[{index}]"), limit);
    }
    report.ensure(policy.rate_limits.len() <= limit::MAX_LIMITS, "spec.rateLimits", || {
        format!(
            "{} limits are too many, the most are {}",
            policy.rate_limits.len(),
            limit::MAX_LIMITS
        )
    });
    if let Some(fallback) = &policy.fallback {
        fallback::validate(report, fallback);
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
    for (field, value) in [("request", timeout.request), ("attempt", timeout.attempt)] {
        let value = value.unwrap_or_default();
        report.duration(format!("spec.timeout.{field}"), value, Duration::ZERO..=DAY);
    }
    if let (Some(attempt), Some(request)) = (written(timeout.attempt), written(timeout.request)) {
        report.ensure(attempt <= request, "spec.timeout.attempt", || {
            "one attempt may not take longer than the request".into()
        });
    }
}

/// A limit that is not switched off.
fn written(limit: Option<Duration>) -> Option<Duration> {
    limit.filter(|limit| !limit.is_zero())
}

fn validate_ejection(report: &mut Report, balance: Option<&Balance>, outlier: Option<&Outlier>) {
    if let Some(slow_start) = balance.and_then(|balance| balance.slow_start) {
        report.duration("spec.balance.slowStart", slow_start, Duration::ZERO..=HOUR);
    }
    let Some(outlier) = outlier else { return };
    report.range("spec.outlier.consecutiveErrors", outlier.consecutive_errors, 1..=1000);
    report.range("spec.outlier.minCalls", outlier.min_calls, 1..=1_000_000);
    if let Some(rate) = outlier.failure_rate {
        report.share("spec.outlier.failureRate", rate);
    }
    if let Some(factor) = outlier.latency_factor {
        report.ensure((1.5..=100.0).contains(&factor), "spec.outlier.latencyFactor", || {
            format!("{factor} is out of range, allowed are 1.5 to 100")
        });
    }
    let (base, max) = (outlier.base_ejection, outlier.max_ejection);
    report.duration("spec.outlier.baseEjection", base, SECOND..=HOUR);
    report.duration("spec.outlier.maxEjection", max, base..=DAY.max(base));
}

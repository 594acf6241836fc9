//! Retries and hedges.

use std::time::Duration;

use super::{HOUR, MILLISECOND, SECOND, written};
use crate::policy::{Hedge, Retry, Timeout};
use crate::validate::Report;

pub(super) fn validate(report: &mut Report, retry: &Retry) {
    report.range("spec.retry.attempts", retry.attempts, 0..=10);
    if let Some(budget) = &retry.budget {
        report.range("spec.retry.budget.ratio", budget.ratio, 0.0001..=1.0);
        report.range("spec.retry.budget.minPerSecond", budget.min_per_second, 0..=10_000);
    }
    if let Some(backoff) = &retry.backoff {
        report.duration("spec.retry.backoff.base", backoff.base, MILLISECOND..=60 * SECOND);
        let most = HOUR.max(backoff.base);
        report.duration("spec.retry.backoff.max", backoff.max, backoff.base..=most);
    }
    if let Some(most) = retry.max_retry_after {
        report.duration("spec.retry.maxRetryAfter", most, Duration::ZERO..=HOUR);
    }
}

pub(super) fn validate_hedge(report: &mut Report, hedge: &Hedge, timeout: &Timeout) {
    report.ensure((0.5..1.0).contains(&hedge.quantile), "spec.hedge.quantile", || {
        format!("{} is out of range, allowed is 0.5 up to less than 1", hedge.quantile)
    });
    report.range("spec.hedge.maxHedges", hedge.max_hedges, 1..=5);
    report.duration("spec.hedge.minDelay", hedge.min_delay, MILLISECOND..=60 * SECOND);
    let most = (60 * SECOND).max(hedge.min_delay);
    report.duration("spec.hedge.maxDelay", hedge.max_delay, hedge.min_delay..=most);
    report.range("spec.hedge.minSamples", hedge.min_samples, 1..=1_000_000);
    let limits = [("request", timeout.request), ("attempt", timeout.attempt)];
    for (name, limit) in limits {
        let Some(limit) = written(limit) else { continue };
        report.ensure(hedge.min_delay < limit, "spec.hedge.minDelay", || {
            let limit = nines_base::duration::format(limit);
            format!("no hedge would ever start: timeout.{name} of {limit} is over by then")
        });
    }
}

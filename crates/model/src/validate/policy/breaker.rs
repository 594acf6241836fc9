//! Breaker and throttle.

use super::{DAY, HOUR, MILLISECOND, SECOND, written};
use crate::policy::{Breaker, SlowCalls, Throttle, Timeout};
use crate::validate::Report;

const MAX_CALLS: u32 = 1_000_000;

/// The largest window that is counted call by call.
const MAX_WINDOW_CALLS: u32 = 100_000;

pub(super) fn validate(report: &mut Report, breaker: &Breaker, timeout: &Timeout) {
    validate_window(report, breaker);
    validate_thresholds(report, breaker, timeout);
    if let Some(open_for) = breaker.open_for {
        report.duration("spec.breaker.openFor", open_for, 100 * MILLISECOND..=HOUR);
    }
    if let Some(most) = breaker.max_open_for {
        let least = breaker.open_for.unwrap_or(5 * SECOND);
        report.duration("spec.breaker.maxOpenFor", most, least..=DAY.max(least));
    }
    if let Some(jitter) = breaker.jitter {
        report.ensure((0.0..1.0).contains(&jitter), "spec.breaker.jitter", || {
            format!("{jitter} is out of range, allowed is 0 up to less than 1")
        });
    }
    if let Some(calls) = breaker.half_open_calls {
        report.range("spec.breaker.halfOpenCalls", calls, 1..=1000);
    }
}

fn validate_window(report: &mut Report, breaker: &Breaker) {
    let both = breaker.window.is_some() && breaker.window_calls.is_some();
    report.ensure(!both, "spec.breaker.windowCalls", || {
        "a window is a time or a number of calls: remove windowCalls or window".into()
    });
    if let Some(window) = breaker.window {
        report.duration("spec.breaker.window", window, SECOND..=600 * SECOND);
    }
    if let Some(calls) = breaker.window_calls {
        report.range("spec.breaker.windowCalls", calls, 1..=MAX_WINDOW_CALLS);
    }
    let Some(least) = breaker.min_calls else { return };
    report.range("spec.breaker.minCalls", least, 1..=MAX_CALLS);
    if let Some(calls) = breaker.window_calls {
        report.ensure(least <= calls, "spec.breaker.minCalls", || {
            format!("{least} calls are never in a window of {calls}, so that no rate could ever open the breaker")
        });
    }
}

fn validate_thresholds(report: &mut Report, breaker: &Breaker, timeout: &Timeout) {
    if let Some(rate) = breaker.failure_rate {
        report.share("spec.breaker.failureRate", rate);
    }
    if let Some(slow) = &breaker.slow_calls {
        validate_slow(report, slow, timeout);
    }
    if let Some(failures) = breaker.consecutive_failures {
        report.range("spec.breaker.consecutiveFailures", failures, 1..=MAX_CALLS);
    }
    let no_rate = breaker.failure_rate.is_none() && breaker.slow_calls.is_none();
    let fields = [
        ("window", breaker.window.is_some()),
        ("windowCalls", breaker.window_calls.is_some()),
        ("minCalls", breaker.min_calls.is_some()),
    ];
    for (field, given) in fields {
        let idle = given && no_rate && breaker.consecutive_failures.is_some();
        report.ensure(!idle, format!("spec.breaker.{field}"), || {
            "acts on rates alone: add failureRate or slowCalls, or remove it".into()
        });
    }
}

fn validate_slow(report: &mut Report, slow: &SlowCalls, timeout: &Timeout) {
    let at = "spec.breaker.slowCalls.slowerThan";
    report.duration(at, slow.slower_than, MILLISECOND..=HOUR);
    report.share("spec.breaker.slowCalls.rate", slow.rate);
    if let Some(limit) = written(timeout.attempt) {
        report.ensure(slow.slower_than < limit, at, || {
            let limit = nines_base::duration::format(limit);
            format!("no call is ever slow: timeout.attempt of {limit} ends it before")
        });
    }
}

pub(super) fn validate_throttle(report: &mut Report, throttle: &Throttle) {
    report.ensure(throttle.k > 1.0 && throttle.k <= 100.0, "spec.throttle.k", || {
        format!("{} is out of range, allowed is more than 1 up to 100", throttle.k)
    });
    report.duration("spec.throttle.window", throttle.window, SECOND..=600 * SECOND);
    report.range("spec.throttle.minCalls", throttle.min_calls, 1..=MAX_CALLS);
}

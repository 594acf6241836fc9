use std::collections::BTreeSet;

use crate::document::parse;
use crate::policy::Policy;
use crate::validate::Report;

/// Reads a policy of these sections and compares the problems, `path: message`, each by its beginning, in any order.
#[track_caller]
fn check(sections: &str, expected: &[&str]) {
    let spec = format!("{{targetRefs: [{{kind: Service, name: a}}], {sections}}}");
    let text = format!("{{apiVersion: nines.dev/v1, kind: Policy, metadata: {{name: a}}, spec: {spec}}}");
    let problems = parse(&text, None).err().unwrap_or_default();
    let shown: BTreeSet<String> = problems
        .iter()
        .map(|problem| format!("{}: {}", problem.path, problem.message))
        .collect();
    let expected: BTreeSet<String> = expected.iter().map(|text| format!("spec.{text}")).collect();
    assert_eq!(shown.len(), expected.len(), "{sections}: {shown:#?}");
    for (shown, expected) in shown.iter().zip(&expected) {
        assert!(
            shown.starts_with(expected),
            "{sections}: `{shown}` does not start with `{expected}`"
        );
    }
}

#[track_caller]
fn check_all(cases: &[(&str, &[&str])]) {
    for (sections, expected) in cases {
        check(sections, expected);
    }
}

#[test]
fn every_section_may_be_empty_or_full() {
    check_all(&[
        (
            "timeout: {}, retry: {}, hedge: {}, breaker: {}, outlier: {}, throttle: {}, concurrency: {}, shed: {}",
            &[],
        ),
        (
            "outlier: {consecutiveErrors: 3, failureRate: 0.3, latencyFactor: 3, minCalls: 50, baseEjection: 10s, maxEjection: 1m}",
            &[],
        ),
        (
            "mode: shadow, breaker: {mode: off}, throttle: {mode: enforce}, balance: {}",
            &[],
        ),
        (
            "breaker: {windowCalls: 10, failureRate: 1, slowCalls: {slowerThan: 1s, rate: 0.5}, consecutiveFailures: 5}",
            &[],
        ),
        ("breaker: {consecutiveFailures: 5, openFor: 2m, halfOpenCalls: 1}", &[]),
        ("breaker: {windowCalls: 5}", &[]),
        (
            "bulkhead: {mode: shadow, maxInFlight: 10, maxQueue: 5, maxWait: 100ms}",
            &[],
        ),
        ("concurrency: {algorithm: gradient, min: 5, max: 50, initial: 10}", &[]),
        ("concurrency: {max: 10}", &[]),
        (
            "rateLimits: [{rate: 10/s}, {rate: 1/h, algorithm: slidingWindow, key: clientIp, overrides: {'::1': {rate: 5/h}}}]",
            &[],
        ),
        (
            "rateLimits: [{rate: 10/s, algorithm: leakyBucket, burst: 2, maxWait: 1s, key: 'header:x-a', maxKeys: 10}]",
            &[],
        ),
        (
            "fallback: {staleIfError: {}, service: {name: b, namespace: c}, status: 503}",
            &[],
        ),
        ("timeout: {request: 0s, attempt: 0s}, hedge: {minDelay: 1s}", &[]),
    ]);
}

#[test]
fn modes() {
    check_all(&[
        ("mode: on", &["mode: `on` is not one of enforce, shadow, off"]),
        (
            "breaker: {mode: Shadow}",
            &["breaker.mode: `Shadow` is not one of enforce, shadow, off; did you mean `shadow`?"],
        ),
        ("retry: {mode: shadow}", &["retry.mode: unknown field `mode`"]),
    ]);
}

#[test]
fn times() {
    check_all(&[
        (
            "timeout: {connect: 0s, request: 25h, attempt: 26h}",
            &[
                "timeout.attempt: 26h is out of range, allowed are 0s to 24h",
                "timeout.attempt: one attempt may not take longer",
                "timeout.connect: 0s is out of range, allowed are 1ms to 1m",
                "timeout.request: 25h is out of range, allowed are 0s to 24h",
            ],
        ),
        ("timeout: {request: -1s}", &["timeout.request: `-1s` is not a duration"]),
        (
            "timeout: {request: 1s, attempt: 2s}",
            &["timeout.attempt: one attempt may not take longer than the request"],
        ),
        (
            "balance: {slowStart: 2h}",
            &["balance.slowStart: 2h is out of range, allowed are 0s to 1h"],
        ),
        (
            "outlier: {consecutiveErrors: 0, baseEjection: 0s, maxEjection: 25h}",
            &[
                "outlier.baseEjection: 0s is out of range, allowed are 1s to 1h",
                "outlier.consecutiveErrors: 0 is out of range, allowed are 1 to 1000",
                "outlier.maxEjection: 25h is out of range, allowed are 0s to 24h",
            ],
        ),
        (
            "outlier: {failureRate: 0, latencyFactor: 1, minCalls: 0}",
            &[
                "outlier.failureRate: 0 is out of range, allowed is more than 0 up to 1",
                "outlier.latencyFactor: 1 is out of range, allowed are 1.5 to 100",
                "outlier.minCalls: 0 is out of range, allowed are 1 to 1000000",
            ],
        ),
        (
            "outlier: {baseEjection: 10m}",
            &["outlier.maxEjection: 5m is out of range, allowed are 10m to 24h"],
        ),
    ]);
}

#[test]
fn retries_and_hedges() {
    check_all(&[
        (
            "retry: {attempts: 11, budget: {ratio: 1.5, minPerSecond: 10001}, maxRetryAfter: 2h}",
            &[
                "retry.attempts: 11 is out of range, allowed are 0 to 10",
                "retry.budget.minPerSecond: 10001 is out of range, allowed are 0 to 10000",
                "retry.budget.ratio: 1.5 is out of range, allowed are 0.0001 to 1",
                "retry.maxRetryAfter: 2h is out of range, allowed are 0s to 1h",
            ],
        ),
        (
            "retry: {budget: {ratio: 0}}",
            &["retry.budget.ratio: 0 is out of range"],
        ),
        (
            "retry: {backoff: {base: 0s}}",
            &["retry.backoff.base: 0s is out of range, allowed are 1ms to 1m"],
        ),
        (
            "retry: {backoff: {base: 1s, max: 10ms}}",
            &["retry.backoff.max: 10ms is out of range, allowed are 1s to 1h"],
        ),
        (
            "hedge: {quantile: 1, maxHedges: 0, minDelay: 0s, maxDelay: 2h, minSamples: 0}",
            &[
                "hedge.maxDelay: 2h is out of range, allowed are 0s to 1m",
                "hedge.maxHedges: 0 is out of range, allowed are 1 to 5",
                "hedge.minSamples: 0 is out of range, allowed are 1 to 1000000",
                "hedge.minDelay: 0s is out of range, allowed are 1ms to 1m",
                "hedge.quantile: 1 is out of range, allowed is 0.5 up to less than 1",
            ],
        ),
        ("hedge: {quantile: 0.4}", &["hedge.quantile: 0.4 is out of range"]),
        (
            "hedge: {minDelay: 3s}",
            &["hedge.maxDelay: 2s is out of range, allowed are 3s to 1m"],
        ),
        (
            "hedge: {minDelay: 100ms}, timeout: {attempt: 100ms}",
            &["hedge.minDelay: no hedge would ever start: timeout.attempt of 100ms is over by then"],
        ),
        (
            "hedge: {minDelay: 900ms}, timeout: {request: 800ms}",
            &["hedge.minDelay: no hedge would ever start: timeout.request of 800ms is over by then"],
        ),
    ]);
}

#[test]
fn breakers() {
    check_all(&[
        (
            "breaker: {minCalls: 0, failureRate: 1.1, window: 0s, openFor: 10ms, maxOpenFor: 25h, halfOpenCalls: 0, jitter: 1}",
            &[
                "breaker.failureRate: 1.1 is out of range, allowed is more than 0 up to 1",
                "breaker.halfOpenCalls: 0 is out of range, allowed are 1 to 1000",
                "breaker.jitter: 1 is out of range, allowed is 0 up to less than 1",
                "breaker.maxOpenFor: 25h is out of range, allowed are 10ms to 24h",
                "breaker.minCalls: 0 is out of range, allowed are 1 to 1000000",
                "breaker.openFor: 10ms is out of range, allowed are 100ms to 1h",
                "breaker.window: 0s is out of range, allowed are 1s to 10m",
            ],
        ),
        ("breaker: {failureRate: 0}", &["breaker.failureRate: 0 is out of range"]),
        (
            "breaker: {failureRate: -0.5}",
            &["breaker.failureRate: -0.5 is out of range"],
        ),
        (
            "breaker: {maxOpenFor: 1s}",
            &["breaker.maxOpenFor: 1s is out of range, allowed are 5s to 24h"],
        ),
        (
            "breaker: {window: 1s, windowCalls: 5}",
            &["breaker.windowCalls: a window is a time or a number of calls"],
        ),
        (
            "breaker: {windowCalls: 100001}",
            &["breaker.windowCalls: 100001 is out of range, allowed are 1 to 100000"],
        ),
        ("breaker: {windowCalls: 0}", &["breaker.windowCalls: 0 is out of range"]),
        (
            "breaker: {windowCalls: 10, minCalls: 20}",
            &["breaker.minCalls: 20 calls are never in a window of 10, so that no rate could ever open"],
        ),
        (
            "breaker: {slowCalls: {slowerThan: 0s, rate: 1.5}}",
            &[
                "breaker.slowCalls.rate: 1.5 is out of range",
                "breaker.slowCalls.slowerThan: 0s is out of range, allowed are 1ms to 1h",
            ],
        ),
        (
            "breaker: {slowCalls: {slowerThan: 2s}}, timeout: {attempt: 1s}",
            &["breaker.slowCalls.slowerThan: no call is ever slow: timeout.attempt of 1s ends it before"],
        ),
        (
            "breaker: {consecutiveFailures: 0}",
            &["breaker.consecutiveFailures: 0 is out of range"],
        ),
        (
            "breaker: {consecutiveFailures: 3, minCalls: 10, window: 5s}",
            &[
                "breaker.minCalls: acts on rates alone: add failureRate or slowCalls, or remove it",
                "breaker.window: acts on rates alone",
            ],
        ),
        (
            "throttle: {k: 1, window: 0s, minCalls: 0}",
            &[
                "throttle.k: 1 is out of range, allowed is more than 1 up to 100",
                "throttle.minCalls: 0 is out of range",
                "throttle.window: 0s is out of range, allowed are 1s to 10m",
            ],
        ),
    ]);
}

#[test]
fn load() {
    check_all(&[
        (
            "bulkhead: {maxInFlight: 0, maxQueue: 1000001, maxWait: 0s}",
            &[
                "bulkhead.maxInFlight: 0 is out of range, allowed are 1 to 1000000",
                "bulkhead.maxQueue: 1000001 is out of range, allowed are 0 to 1000000",
                "bulkhead.maxWait: 0s is out of range, allowed are 1ms to 1h",
            ],
        ),
        ("bulkhead: {}", &["bulkhead.maxInFlight: is missing"]),
        (
            "bulkhead: {maxInFlight: 1, maxWait: 1s}",
            &["bulkhead.maxWait: nobody waits without a queue: set maxQueue, or remove maxWait"],
        ),
        (
            "concurrency: {min: 0}",
            &["concurrency.min: 0 is out of range, allowed are 1 to 1000000"],
        ),
        (
            "concurrency: {min: 10, max: 5}",
            &["concurrency.max: 5 is out of range, allowed are 10 to 1000000"],
        ),
        (
            "concurrency: {min: 300}",
            &["concurrency.max: 200 is out of range, allowed are 300 to 1000000"],
        ),
        (
            "concurrency: {max: 10, initial: 20}",
            &["concurrency.initial: 20 is out of range, allowed are 1 to 10"],
        ),
        (
            "concurrency: {algorithm: aimd}",
            &["concurrency.algorithm: `aimd` is not one of adaptive, vegas, gradient"],
        ),
        (
            "shed: {cpu: 0}",
            &["shed.cpu: 0 is out of range, allowed is more than 0 up to 1"],
        ),
        ("shed: {cpu: 90}", &["shed.cpu: 90 is out of range"]),
    ]);
}

#[test]
fn rate_limits() {
    check_all(&[
        (
            "rateLimits: [{rate: 100}]",
            &["rateLimits[0].rate: must be text, not the number 100"],
        ),
        (
            "rateLimits: [{rate: 0/s, key: ip, burst: 0}]",
            &[
                "rateLimits[0].burst: 0 is out of range, allowed are 1 to 10000000",
                "rateLimits[0].key: `ip` is not one of clientIp, service, route, header:NAME",
                "rateLimits[0].rate: `0/s` is not a rate",
            ],
        ),
        (
            "rateLimits: [{rate: 1/s, key: 'header:a b'}]",
            &["rateLimits[0].key: `a b` is not a valid header name"],
        ),
        (
            "rateLimits: [{rate: 1/h, burst: 9000}]",
            &["rateLimits[0].burst: it is more than comes in a year: lower it, or raise the rate"],
        ),
        (
            "rateLimits: [{rate: 1/s}, {rate: 1/s, algorithm: slidingWindow, burst: 5, maxWait: 1s}]",
            &[
                "rateLimits[1].burst: slidingWindow has no burst",
                "rateLimits[1].maxWait: slidingWindow never waits, only leakyBucket does",
            ],
        ),
        (
            "rateLimits: [{rate: 1/s, algorithm: leakyBucket, maxWait: 2h}]",
            &["rateLimits[0].maxWait: 2h is out of range, allowed are 1ms to 1h"],
        ),
    ]);
    let many = vec!["{rate: 1/s}"; 17].join(", ");
    check(
        &format!("rateLimits: [{many}]"),
        &["rateLimits: 17 limits are too many, the most are 16"],
    );
}

#[test]
fn the_most_of_each_rate_limit() {
    check_all(&[
        (
            "rateLimits: [{rate: 100001/s, algorithm: slidingLog}]",
            &["rateLimits[0].rate: a slidingLog remembers at most 100000 requests, not 100001"],
        ),
        (
            "rateLimits: [{rate: 1000001/h, algorithm: fixedWindow}, {rate: 1000001/s, algorithm: slidingWindow}]",
            &[
                "rateLimits[0].rate: a window counts at most 1000000 requests, not 1000001",
                "rateLimits[1].rate: a window counts at most 1000000 requests, not 1000001",
            ],
        ),
        (
            "rateLimits: [{rate: 4000000000/m}, {rate: 4000000000/s, algorithm: leakyBucket}]",
            &["rateLimits[1].rate: 4000000000 requests a second are too many, the most are 1000000000"],
        ),
    ]);
}

#[test]
fn keys_of_rate_limits() {
    check_all(&[
        (
            "rateLimits: [{rate: 1/s, algorithm: slidingLog, key: clientIp}, {rate: 1/s, algorithm: slidingLog, key: route}]",
            &["rateLimits[0].algorithm: a slidingLog for each key would take eight bytes for each request"],
        ),
        (
            "rateLimits: [{rate: 1/s, key: route, maxKeys: 5}]",
            &["rateLimits[0].maxKeys: the key `route` has one limit for all, maxKeys need clientIp or header:NAME"],
        ),
        (
            "rateLimits: [{rate: 1/s, maxKeys: 0, overrides: {a: {rate: 1/s}}}]",
            &[
                "rateLimits[0].maxKeys: 0 is out of range, allowed are 1 to 10000000",
                "rateLimits[0].maxKeys: the key `service` has one limit for all, maxKeys need",
                "rateLimits[0].overrides: the key `service` has one limit for all, overrides need",
            ],
        ),
        (
            "rateLimits: [{rate: 1/s, key: clientIp, overrides: {a: {rate: 1/s}, '10.0.0.1': {rate: 1, burst: 0}}}]",
            &["rateLimits[0].overrides[\"10.0.0.1\"].rate: must be text"],
        ),
        (
            "rateLimits: [{rate: 1/s, key: clientIp, overrides: {a: {rate: x}, '10.0.0.1': {rate: 1/s, burst: 0}}}]",
            &[
                "rateLimits[0].overrides.a.rate: `x` is not a rate",
                "rateLimits[0].overrides.a: `a` is not an IP address, as the key is clientIp",
                "rateLimits[0].overrides[\"10.0.0.1\"].burst: 0 is out of range",
            ],
        ),
        (
            "rateLimits: [{rate: 1/s, key: 'header:x-a', overrides: {' a': {rate: 1/s}}}]",
            &["rateLimits[0].overrides[\" a\"]: ` a` begins or ends with white space"],
        ),
        (
            "rateLimits: [{rate: 1/m, algorithm: fixedWindow, key: 'header:x-a', overrides: {a: {rate: 1/m}, b: {rate: 1/s}}}]",
            &[
                "rateLimits[0].overrides.b.rate: a fixedWindow counts all keys by the same period, that of its rate `1/m`",
            ],
        ),
        (
            "rateLimits: [{rate: 1/m, key: 'header:x-a', overrides: {b: {rate: 1/s}}}]",
            &[],
        ),
        (
            "rateLimits: [{rate: 1/s, key: clientIp, overrides: {'2001:db8::1': {rate: 1/s}, '2001:db8::2': {rate: 2/s}}}]",
            &[
                "rateLimits[0].overrides[\"2001:db8::2\"]: the client 2001:db8::/64 stands twice, first at spec.rateLimits[0].overrides[\"2001:db8::1\"]",
            ],
        ),
        (
            "rateLimits: [{rate: 1/s, key: clientIp, overrides: {10.0.0.1: {rate: 1/s}, '::ffff:10.0.0.1': {rate: 2/s}}}]",
            &["rateLimits[0].overrides[\"::ffff:10.0.0.1\"]: the client 10.0.0.1 stands twice"],
        ),
    ]);
}

#[test]
fn fallbacks() {
    check_all(&[
        (
            "fallback: {}",
            &["fallback: answers nothing: add staleIfError, service or status"],
        ),
        (
            "fallback: {status: 99, contentType: \"a\\r\\nb\"}",
            &[
                "fallback.contentType: `a\\r\\nb` holds",
                "fallback.status: 99 is out of range, allowed are 200 to 599",
            ],
        ),
        (
            "fallback: {service: {name: A, namespace: ''}, body: x, contentType: text/plain}",
            &[
                "fallback.body: belongs to a static answer, which needs a status",
                "fallback.contentType: belongs to a static answer",
                "fallback.service.name: `A` is not a valid name",
                "fallback.service.namespace: `` is not a valid name",
            ],
        ),
        (
            "fallback: {staleIfError: {maxAge: 0s, maxEntries: 0, maxBytes: 0}}",
            &[
                "fallback.staleIfError.maxAge: 0s is out of range, allowed are 1s to 720h",
                "fallback.staleIfError.maxBytes: 0 is out of range, allowed are 1 to 1073741824",
                "fallback.staleIfError.maxEntries: 0 is out of range, allowed are 1 to 1000000",
            ],
        ),
    ]);
}

/// Documents cannot hold these, but code that builds a policy can.
#[test]
fn numbers_that_are_none_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, -0.0] {
        let text = "{targetRefs: [], retry: {budget: {}}, hedge: {}, breaker: {slowCalls: {slowerThan: 1s}}, \
                    throttle: {}, shed: {}}";
        let mut policy: Policy = serde_saphyr::from_str(text).expect("a policy");
        policy
            .retry
            .as_mut()
            .and_then(|retry| retry.budget.as_mut())
            .expect("budget")
            .ratio = bad;
        policy.hedge.as_mut().expect("hedge").quantile = bad;
        let breaker = policy.breaker.as_mut().expect("breaker");
        breaker.failure_rate = Some(bad);
        breaker.slow_calls.as_mut().expect("slow calls").rate = bad;
        policy.throttle.as_mut().expect("throttle").k = bad;
        policy.shed.as_mut().expect("shed").cpu = bad;
        let mut report = Report::default();
        super::validate_sections(&mut report, &policy);
        let paths: BTreeSet<&str> = report.problems.iter().map(|problem| problem.path.as_str()).collect();
        let expected = [
            "spec.breaker.failureRate",
            "spec.breaker.slowCalls.rate",
            "spec.hedge.quantile",
            "spec.retry.budget.ratio",
            "spec.shed.cpu",
            "spec.throttle.k",
        ];
        assert_eq!(paths, BTreeSet::from(expected), "{bad}");
    }
}

use std::time::Duration;

use nines_model::policy::{Breaker, RateAlgorithm, RateKey, RateOverride};
use nines_model::validate;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limit::Algorithm;
use crate::policy::Governor;

fn policy(sections: Value) -> Policy {
    let mut spec = sections;
    spec["targetRefs"] = json!([]);
    serde_json::from_value(spec).expect("a policy")
}

fn config(sections: Value) -> Config {
    Config::try_from(&policy(sections)).expect("a valid policy")
}

#[test]
fn a_policy_without_sections_is_the_default() {
    assert_eq!(config(json!({})), Config::default());
    let empty = json!({"timeout": {}, "retry": {"budget": {}, "backoff": {}}, "breaker": {}});
    assert_eq!(config(empty), Config::default());
    let default = Config::default();
    default.validate().expect("the default is valid");
    assert_eq!(default.request, Some(Duration::from_secs(15)));
}

#[test]
fn empty_sections_have_the_cores_defaults() {
    let config =
        config(json!({"hedge": {}, "throttle": {}, "concurrency": {}, "shed": {}, "fallback": {"staleIfError": {}}}));
    assert_eq!(config.hedge, Some(hedge::Config::default()));
    assert_eq!(config.throttle.expect("throttle").config, throttle::Config::default());
    assert_eq!(
        config.concurrency.expect("concurrency").config,
        adaptive::Config::default()
    );
    assert_eq!(config.shed.expect("shed").config, adaptive::ShedderConfig::default());
    assert_eq!(
        config.fallback.last_good,
        Some(crate::fallback::LastGoodConfig::default())
    );
}

#[test]
fn the_modes() {
    for (mode, breaker, expected) in [
        ("enforce", "enforce", Some(false)),
        ("enforce", "shadow", Some(true)),
        ("enforce", "off", None),
        ("shadow", "enforce", Some(true)),
        ("shadow", "off", None),
    ] {
        let config = config(
            json!({"mode": mode, "breaker": {"mode": breaker}, "rateLimits": [{"rate": "1/s", "mode": breaker}]}),
        );
        assert_eq!(
            config.breaker.map(|section| section.shadow),
            expected,
            "{mode} {breaker}"
        );
        assert_eq!(
            config.rates.first().map(|section| section.shadow),
            expected,
            "{mode} {breaker}"
        );
        assert_eq!(config.mode == Mode::Shadow, mode == "shadow");
    }
    assert_eq!(
        config(json!({"mode": "off", "retry": {"attempts": 5}, "shed": {}})),
        Config::off()
    );
}

#[test]
fn breakers() {
    let ms = Duration::from_millis;
    let default = breaker::Config::default();
    let cases = [
        (
            json!({"windowCalls": 5}),
            breaker::Config {
                window: breaker::Window::Calls(5.try_into().expect("not 0")),
                min_calls: 5,
                ..default
            },
        ),
        (
            json!({"consecutiveFailures": 3}),
            breaker::Config {
                failure_rate: None,
                consecutive_failures: Some(3),
                ..default
            },
        ),
        (
            json!({"slowCalls": {"slowerThan": "100ms"}, "openFor": "2m", "jitter": 0}),
            breaker::Config {
                failure_rate: None,
                slow_calls: Some(breaker::SlowCalls {
                    slower_than: ms(100),
                    rate: 1.0,
                }),
                open_for: ms(120_000),
                max_open_for: ms(120_000),
                jitter: 0.0,
                ..default
            },
        ),
        (
            json!({"window": "5s", "minCalls": 7, "failureRate": 0.1, "halfOpenCalls": 1, "maxOpenFor": "7s"}),
            breaker::Config {
                window: breaker::Window::Time(ms(5000)),
                min_calls: 7,
                failure_rate: Some(0.1),
                half_open_calls: 1,
                max_open_for: ms(7000),
                ..default
            },
        ),
    ];
    for (section, expected) in cases {
        let found = config(json!({"breaker": section})).breaker.expect("a breaker").config;
        assert_eq!(found, expected, "{section}");
    }
}

#[test]
fn rates() {
    let limits = json!([
        {"rate": "6000/m"},
        {"rate": "1/h", "algorithm": "leakyBucket", "maxWait": "2s", "key": "header:X-Tenant", "maxKeys": 7,
         "overrides": {"gold": {"rate": "10/s", "burst": 3}}},
        {"rate": "5/s", "algorithm": "fixedWindow", "key": "route"},
    ]);
    let rates: Vec<RateConfig> = config(json!({"rateLimits": limits}))
        .rates
        .into_iter()
        .map(|s| s.config)
        .collect();
    assert_eq!((rates[0].quota.requests.get(), rates[0].quota.burst.get()), (6000, 100));
    assert_eq!(
        (rates[0].quota.algorithm, rates[0].max_keys),
        (Algorithm::TokenBucket, rate::MAX_KEYS)
    );
    assert_eq!(rates[1].quota.max_wait, Duration::from_secs(2));
    assert_eq!(
        (&rates[1].key, rates[1].max_keys.get()),
        (&RateKey::Header("x-tenant".into()), 7)
    );
    let gold = rates[1].overrides["gold"];
    assert_eq!(
        (gold.requests.get(), gold.burst.get(), gold.algorithm),
        (10, 3, Algorithm::LeakyBucket)
    );
    assert_eq!((rates[2].quota.burst.get(), &rates[2].key), (5, &RateKey::Route));
}

/// Policies that code made, past the checks of documents.
#[test]
fn what_cannot_work_is_refused_by_its_field() {
    type Spoil = fn(&mut Policy);
    let cases: [(Spoil, &str); 12] = [
        (
            |policy| policy.retry.get_or_insert_default().attempts = 11,
            "retry.attempts",
        ),
        (
            |policy| policy.hedge.get_or_insert_default().quantile = f64::NAN,
            "hedge.quantile",
        ),
        (
            |policy| breaker_of(policy).failure_rate = Some(1.5),
            "breaker.failureRate",
        ),
        (
            |policy| breaker_of(policy).half_open_calls = Some(0),
            "breaker.halfOpenCalls",
        ),
        (
            |policy| policy.throttle.get_or_insert_default().k = f64::NAN,
            "throttle.k",
        ),
        (|policy| policy.shed.get_or_insert_default().cpu = 2.0, "shed.cpu"),
        (|policy| policy.rate_limits[0].rate = "x".into(), "rateLimits.rate"),
        (|policy| policy.rate_limits[0].key = "x".into(), "rateLimits.key"),
        (
            |policy| policy.rate_limits[1].key = "service".into(),
            "rateLimits.overrides",
        ),
        (
            |policy| override_of(policy, "2001:db8:0:1::1").rate = "1/m".into(),
            "rateLimits.overrides.per",
        ),
        (
            |policy| override_of(policy, "2001:db8::2").rate = "1/s".into(),
            "rateLimits.overrides",
        ),
        (
            |policy| policy.rate_limits[1].algorithm = RateAlgorithm::SlidingLog,
            "rateLimits.algorithm",
        ),
    ];
    for (spoil, field) in cases {
        let by_client = json!({"rate": "1/s", "algorithm": "fixedWindow", "key": "clientIp",
            "overrides": {"2001:db8::1": {"rate": "2/s"}}});
        let mut policy = policy(json!({"rateLimits": [{"rate": "1/s"}, by_client]}));
        spoil(&mut policy);
        assert_eq!(Config::try_from(&policy).expect_err(field).field, field);
    }
}

fn override_of<'p>(policy: &'p mut Policy, client: &str) -> &'p mut RateOverride {
    let other = RateOverride {
        rate: "1/s".into(),
        burst: None,
    };
    policy.rate_limits[1].overrides.entry(client.into()).or_insert(other)
}

fn breaker_of(policy: &mut Policy) -> &mut Breaker {
    policy.breaker.get_or_insert_default()
}

fn choice(values: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(values)
}

prop_compose! {
    fn sections()(
        mode in choice(&["enforce", "shadow"]),
        window in choice(&["1s", "10s", "10m", "11m"]),
        min_calls in 0u32..30,
        window_calls in prop::option::of(0u32..30),
        rate in prop::sample::select(vec![0.0, 1e-5, 0.01, 0.5, 1.0, 1.1]),
        slower in choice(&["1ms", "5s", "2h"]),
        open in choice(&["50ms", "100ms", "5s", "1h"]),
        max_open in prop::option::of(choice(&["100ms", "60s", "24h"])),
        half in 0u32..5,
        quantile in prop::sample::select(vec![0.4, 0.5, 0.99, 1.0]),
        delays in (choice(&["1ms", "1m"]), choice(&["1ms", "1m", "2m"])),
        attempts in 0u32..13,
        base in choice(&["0s", "1ms", "1m"]),
        max in choice(&["1ms", "1m", "1h"]),
        min in 0u32..4,
        most in 0u32..4,
        queue in 0u32..3,
        algorithm in choice(&["tokenBucket", "leakyBucket", "fixedWindow", "slidingWindow", "slidingLog"]),
        concurrency in choice(&["adaptive", "vegas", "gradient"]),
        quota in choice(&["1/s", "100000/h", "4000000000/s", "1/h"]),
        burst in prop::option::weighted(0.2, 0u32..12_000_000),
        max_wait in prop::option::weighted(0.2, choice(&["1ms", "1h", "2h"])),
        key in choice(&["service", "clientIp", "header:x-a"]),
        overrides in prop::collection::btree_map(choice(&["2001:db8::1", "2001:db8::2", "::1", "192.0.2.7"]), choice(&["1/s", "9/m", "1/h"]), 0..3),
    ) -> Value {
        let mut breaker = json!({"minCalls": min_calls, "failureRate": rate, "slowCalls": {"slowerThan": slower, "rate": rate},
            "openFor": open, "halfOpenCalls": half});
        match window_calls {
            Some(calls) => breaker["windowCalls"] = json!(calls),
            None => breaker["window"] = json!(window),
        }
        if let Some(most) = max_open {
            breaker["maxOpenFor"] = json!(most);
        }
        let mut limit = json!({"algorithm": algorithm, "rate": quota, "key": key});
        for (client, rate) in overrides {
            limit["overrides"][client]["rate"] = json!(rate);
        }
        if let Some(burst) = burst {
            limit["burst"] = json!(burst);
        }
        if let Some(wait) = max_wait {
            limit["maxWait"] = json!(wait);
        }
        json!({
            "mode": mode, "breaker": breaker, "rateLimits": [limit],
            "hedge": {"quantile": quantile, "minDelay": delays.0, "maxDelay": delays.1, "minSamples": min_calls, "maxHedges": half},
            "retry": {"attempts": attempts, "backoff": {"base": base, "max": max}, "budget": {"ratio": rate}},
            "throttle": {"k": rate + 1.0, "window": window, "minCalls": min_calls},
            "bulkhead": {"maxInFlight": most, "maxQueue": queue},
            "concurrency": {"algorithm": concurrency, "min": min, "max": most},
            "shed": {"cpu": rate},
        })
    }
}

proptest! {
    /// A document that is accepted can be put into force, after any other: nothing is left for the data plane to refuse.
    #[test]
    fn what_documents_may_say_the_cores_accept(all in prop::collection::vec(sections(), 1..4)) {
        let now = nines_base::Clock::system().now();
        let mut governor = Governor::new("test".into(), Config::default(), now).expect("the default is valid");
        // One section at a time, so that most cases are accepted whole.
        for name in all[0].as_object().expect("sections").keys() {
            for sections in &all {
                let mut single = json!({});
                single[name] = sections[name].clone();
                let policy = policy(single.clone());
                if validate::policy(&policy).is_empty() {
                    let config = Config::try_from(&policy);
                    prop_assert!(config.is_ok(), "{single}: {config:?}");
                    let changed = governor.rebuilt(config.expect("it is"), now);
                    prop_assert!(changed.is_ok(), "{single}: {changed:?}");
                    governor = changed.expect("it is");
                }
            }
        }
    }
}

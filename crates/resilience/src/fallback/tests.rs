use std::time::Duration;

use http::{Extensions, HeaderMap};
use nines_base::Clock;
use nines_model::Cause;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const WHY: Why = Why::Refused(Cause::BreakerOpen);

fn start() -> Instant {
    Clock::manual().0.now()
}

fn cache(now: Instant) -> Fallback<&'static str, String> {
    let cache = LastGood::new(
        LastGoodConfig::default(),
        |key: &&str, value: &String| key.len() + value.len(),
        now,
    );
    Fallback::LastGood(cache.expect("a good cache"))
}

fn value(answer: Answer<String>) -> Option<(String, String)> {
    match answer {
        Answer::Value(value, degraded) => Some((value, degraded.to_string())),
        Answer::Alternative(..) | Answer::Nothing => None,
    }
}

#[test]
fn the_first_source_that_has_something_answers() {
    let now = start();
    let chain = Chain::new(vec![cache(now), Fallback::Static("sorry".to_owned())]);
    let answer = |key, later: Duration| value(chain.answer(&key, WHY, now + later)).expect("there is an answer");
    assert_eq!(
        answer("orders", SECOND),
        ("sorry".into(), "static; cause=breaker_open".into())
    );
    chain.keep(&"orders", now, || "three".to_owned());
    assert_eq!(
        answer("orders", 12 * SECOND),
        ("three".into(), "last-good; age=12; cause=breaker_open".into())
    );
    assert_eq!(answer("users", SECOND).0, "sorry", "another key has its own");
    assert_eq!(answer("orders", 601 * SECOND).0, "sorry", "too old");
}

#[test]
fn after_an_alternative_that_failed_too_the_rest_is_asked() {
    let now = start();
    let chain: Chain<&str, String> = Chain::new(vec![Fallback::Alternative, Fallback::Default(String::new)]);
    let Answer::Alternative(degraded, position) = chain.answer(&"orders", Why::Failed, now) else {
        panic!("the alternative comes first");
    };
    assert_eq!(degraded.to_string(), "alternative; cause=failed");
    let after = value(chain.after(position, &"orders", Why::Failed, now));
    assert_eq!(after, Some((String::new(), "default; cause=failed".into())));
}

#[test]
fn without_a_source_the_failure_stands() {
    let now = start();
    let none: Chain<&str, String> = Chain::new(Vec::new());
    assert_eq!(none.answer(&"orders", WHY, now), Answer::Nothing);
    assert!(!none.wants(&"orders", now));
    let unknown = Chain::new(vec![cache(now)]);
    assert_eq!(unknown.answer(&"orders", WHY, now), Answer::Nothing);
}

#[test]
fn a_value_is_made_only_if_it_is_kept() {
    let now = start();
    let chain = Chain::new(vec![cache(now)]);
    assert!(chain.wants(&"orders", now));
    chain.keep(&"orders", now, || "one".to_owned());
    assert!(!chain.wants(&"orders", now));
    chain.keep(&"orders", now, || panic!("what is fresh is not made again"));
    assert!(chain.wants(&"orders", now + SECOND));
}

#[test]
fn the_mark_is_in_extensions_and_header() {
    let (mut headers, mut extensions) = (HeaderMap::new(), Extensions::new());
    let degraded = Degraded::aged(90 * SECOND, Why::Failed);
    degraded.mark(&mut headers, &mut extensions);
    assert_eq!(headers[HEADER], "last-good; age=90; cause=failed");
    assert_eq!(Degraded::of(&extensions), Some(degraded));
    for cause in Cause::ALL {
        let _value = Degraded::new(Source::Static, Why::Refused(cause)).to_header();
    }
}

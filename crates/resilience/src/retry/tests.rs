use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use http::Method;
use nines_base::{Backoff, Clock, Rng};
use proptest::prelude::*;

use super::*;
use crate::deadline::Deadline;
use crate::{Observed, Outcome, Repeat};

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const THROTTLED: Observed = Observed {
    outcome: Outcome::Throttled,
    repeat: Repeat::Safe,
    retry_after: None,
};

fn start() -> Instant {
    Clock::manual().0.now()
}

fn rich(now: Instant) -> Budget {
    let config = BudgetConfig {
        min_per_second: 10_000,
        ..BudgetConfig::default()
    };
    Budget::new(config, now).expect("a good budget")
}

fn empty(now: Instant) -> Budget {
    let config = BudgetConfig {
        min_per_second: 0,
        ..BudgetConfig::default()
    };
    Budget::new(config, now).expect("a good budget")
}

fn asked(observed: Observed, wait: Duration) -> Observed {
    Observed {
        retry_after: Some(wait),
        ..observed
    }
}

fn outer(number: u32) -> OuterAttempt {
    OuterAttempt::new(NonZeroU32::new(number).expect("from 1"))
}

#[test]
fn bad_configurations_are_refused_by_name() {
    let good = Config::default();
    let backoff = |base, max| Config {
        backoff: Backoff { base, max },
        ..good
    };
    let cases = [
        (Config { attempts: 11, ..good }, "retry.attempts"),
        (backoff(Duration::ZERO, SECOND), "retry.backoff.base"),
        (backoff(3601 * SECOND, 3601 * SECOND), "retry.backoff.base"),
        (backoff(SECOND, MILLI), "retry.backoff.max"),
        (backoff(SECOND, Duration::MAX), "retry.backoff.max"),
        (
            Config {
                max_retry_after: Duration::MAX,
                ..good
            },
            "retry.maxRetryAfter",
        ),
    ];
    for (config, field) in cases {
        assert_eq!(config.validate().expect_err("it is refused").field, field, "{config:?}");
    }
    assert_eq!(good.validate(), Ok(()));
    assert_eq!(
        Config { attempts: 0, ..good }.validate(),
        Ok(()),
        "0 switches retries off"
    );
    assert_eq!(backoff(MILLI, MILLI).validate(), Ok(()));
}

#[test]
fn idempotent_methods_are_those_of_rfc_9110() {
    let idempotent = [
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::TRACE,
        Method::PUT,
        Method::DELETE,
    ];
    assert!(idempotent.iter().all(is_idempotent));
    let others = [Method::POST, Method::PATCH, Method::CONNECT];
    assert!(!others.iter().any(is_idempotent));
    assert!(!is_idempotent(&Method::from_bytes(b"PURGE").expect("a token")));
}

/// One row of the table: what is observed, and what is decided after the first attempt.
struct Case {
    observed: Observed,
    idempotent: bool,
    attempts: u32,
    outer: u32,
    left: Option<Duration>,
    budget: fn(Instant) -> Budget,
}

const CASE: Case = Case {
    observed: Observed::FAILURE,
    idempotent: true,
    attempts: 2,
    outer: 1,
    left: None,
    budget: rich,
};

impl Case {
    fn next(&self) -> Next {
        let now = start();
        let config = Config {
            attempts: self.attempts,
            ..Config::default()
        };
        let deadline = self.left.map(|left| Deadline::after(left, now));
        let mut attempts = Attempts::new(config, outer(self.outer), now);
        attempts.next(
            self.observed,
            self.idempotent,
            deadline,
            &(self.budget)(now),
            now,
            &mut Rng::seeded(1),
        )
    }
}

#[test]
fn a_call_ends_when_something_speaks_against_another_try() {
    let never = Observed {
        repeat: Repeat::Never,
        ..Observed::FAILURE
    };
    let too_long = asked(THROTTLED, 11 * SECOND);
    let cases = [
        (
            Case {
                observed: Observed::SUCCESS,
                ..CASE
            },
            Next::Done,
        ),
        (
            Case {
                observed: Observed::IGNORED,
                ..CASE
            },
            Next::Done,
        ),
        (
            Case {
                observed: never,
                ..CASE
            },
            Next::GiveUp(GiveUp::NotRepeatable),
        ),
        (
            Case {
                idempotent: false,
                ..CASE
            },
            Next::GiveUp(GiveUp::NotIdempotent),
        ),
        (Case { attempts: 0, ..CASE }, Next::GiveUp(GiveUp::Exhausted)),
        (Case { outer: 2, ..CASE }, Next::GiveUp(GiveUp::OuterRepeats)),
        (
            Case {
                outer: 2,
                observed: THROTTLED,
                ..CASE
            },
            Next::GiveUp(GiveUp::OuterRepeats),
        ),
        (
            Case {
                observed: too_long,
                ..CASE
            },
            Next::GiveUp(GiveUp::AskedTooLong(11 * SECOND)),
        ),
        (
            Case {
                observed: asked(THROTTLED, Duration::MAX),
                ..CASE
            },
            Next::GiveUp(GiveUp::AskedTooLong(Duration::MAX)),
        ),
        (
            Case {
                observed: asked(THROTTLED, SECOND),
                left: Some(SECOND),
                ..CASE
            },
            Next::GiveUp(GiveUp::Deadline),
        ),
        (
            Case {
                left: Some(Duration::ZERO),
                ..CASE
            },
            Next::GiveUp(GiveUp::Deadline),
        ),
        (Case { budget: empty, ..CASE }, Next::GiveUp(GiveUp::Budget)),
    ];
    for (case, next) in cases {
        assert_eq!(case.next(), next);
    }
}

#[test]
fn a_call_is_tried_again_after_a_wait() {
    let within = |case: &Case, least: Duration, most: Duration| {
        let Next::Again(wait) = case.next() else {
            panic!("{:?} is not another try", case.next());
        };
        assert!(wait >= least && wait <= most, "{wait:?}");
    };
    within(&CASE, Duration::ZERO, 25 * MILLI);
    within(
        &Case {
            observed: THROTTLED,
            idempotent: false,
            ..CASE
        },
        Duration::ZERO,
        25 * MILLI,
    );
    let second = asked(THROTTLED, SECOND);
    within(
        &Case {
            observed: second,
            ..CASE
        },
        SECOND,
        SECOND + 25 * MILLI,
    );
    let tight = Some(SECOND + Duration::from_nanos(1));
    within(
        &Case {
            observed: second,
            left: tight,
            ..CASE
        },
        SECOND,
        SECOND,
    );
}

#[test]
fn what_was_not_processed_is_repeated_even_if_not_idempotent() {
    let observed = classify::UNPROCESSED;
    let case = Case {
        observed,
        idempotent: false,
        ..CASE
    };
    assert!(matches!(case.next(), Next::Again(_)));
}

#[test]
fn what_is_shared_can_be_shared() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Budget>();
    shared::<Attempts>();
    shared::<crate::hedge::Hedge>();
    shared::<crate::fallback::Chain<String, Vec<u8>>>();
}

#[test]
fn a_refused_retry_costs_no_budget() {
    let now = start();
    let config = BudgetConfig {
        min_per_second: 1,
        ..BudgetConfig::default()
    };
    let budget = Budget::new(config, now).expect("a good budget");
    let mut attempts = Attempts::new(Config::default(), outer(1), now);
    let next = attempts.next(Observed::FAILURE, false, None, &budget, now, &mut Rng::seeded(1));
    assert_eq!(next, Next::GiveUp(GiveUp::NotIdempotent));
    assert_eq!(budget.snapshot(now).available, 1.0);
}

#[test]
fn attempts_end_and_the_history_tells_of_each() {
    let now = start();
    let budget = rich(now);
    let mut attempts = Attempts::new(Config::default(), outer(1), now);
    let mut rng = Rng::seeded(3);
    let mut fail = |attempts: &mut Attempts, ends: Duration, text: &str| {
        let next = attempts.next(Observed::FAILURE, true, None, &budget, now + ends, &mut rng);
        attempts.note(text);
        next
    };
    assert!(matches!(
        fail(&mut attempts, 12 * MILLI, "connection refused"),
        Next::Again(_)
    ));
    assert_eq!(attempts.number(), 2);
    attempts.begin(now + 100 * MILLI);
    assert!(matches!(fail(&mut attempts, 103 * MILLI, ""), Next::Again(_)));
    attempts.begin(now + 200 * MILLI);
    assert_eq!(
        fail(&mut attempts, 150 * MILLI, "reset"),
        Next::GiveUp(GiveUp::Exhausted),
        "with a clock that stepped back"
    );
    assert_eq!(
        attempts.into_history().to_string(),
        "attempt 1: failure after 12 ms (connection refused); attempt 2: failure after 3 ms; \
         attempt 3: failure after 0 ms (reset)"
    );
}

#[test]
fn the_history_is_bounded() {
    let now = start();
    let budget = rich(now);
    let config = Config {
        attempts: 10,
        ..Config::default()
    };
    let mut attempts = Attempts::new(config, outer(1), now);
    for _ in 0..11 {
        let _next = attempts.next(Observed::FAILURE, true, None, &budget, now, &mut Rng::seeded(1));
        attempts.note(&"ä".repeat(1000));
    }
    let history = attempts.history();
    let numbers: Vec<u32> = history.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 9, 10, 11]);
    assert_eq!((history.count(), history.left_out()), (11, 7));
    assert!(history.iter().all(|attempt| attempt.text.len() == 160));
    assert!(history.to_string().contains("; 7 more; attempt 9:"));
}

#[test]
fn a_note_without_an_attempt_goes_nowhere() {
    let mut attempts = Attempts::new(Config::default(), outer(1), start());
    attempts.note("nothing failed yet");
    assert_eq!(attempts.history(), &History::default());
}

#[test]
fn the_outer_attempt_is_read_strictly() {
    for (value, number) in [(&b"1"[..], 1), (b"2", 2), (b"007", 7), (b"999", 999)] {
        assert_eq!(OuterAttempt::parse(value).map(OuterAttempt::number), Ok(number));
    }
    for value in [
        &b""[..],
        b"0",
        b"000",
        b"-1",
        b"+1",
        b"1.0",
        b" 1",
        b"1000",
        b"99999999999999999999",
        b"1,2",
        b"\xff",
    ] {
        assert!(OuterAttempt::parse(value).is_err(), "{value:?}");
    }
    let mut headers = http::HeaderMap::new();
    assert_eq!(OuterAttempt::from_headers(&headers), Ok(OuterAttempt::FIRST));
    headers.append(OuterAttempt::HEADER, outer(3).to_header());
    assert_eq!(OuterAttempt::from_headers(&headers), Ok(outer(3)));
    headers.append(OuterAttempt::HEADER, outer(1).to_header());
    assert!(OuterAttempt::from_headers(&headers).is_err(), "twice is once too many");
}

proptest! {
    #[test]
    fn a_wait_is_never_shorter_than_asked_nor_past_the_deadline(
        seed: u64,
        asked_millis in prop::option::of(0u64..20_000),
        left_millis in prop::option::of(0u64..20_000),
        attempts in 0u32..=10,
    ) {
        let now = start();
        let budget = rich(now);
        let config = Config { attempts, ..Config::default() };
        let deadline = left_millis.map(|left| Deadline::after(Duration::from_millis(left), now));
        let observed = Observed { retry_after: asked_millis.map(Duration::from_millis), ..Observed::FAILURE };
        let (mut call, mut rng) = (Attempts::new(config, outer(1), now), Rng::seeded(seed));
        for made in 0..=attempts {
            match call.next(observed, true, deadline, &budget, now, &mut rng) {
                Next::Again(wait) => {
                    prop_assert!(made < attempts);
                    prop_assert!(wait >= observed.retry_after.unwrap_or_default());
                    prop_assert!(deadline.is_none_or(|deadline| now + wait < deadline.instant()));
                }
                Next::GiveUp(_) => break,
                Next::Done => prop_assert!(false, "a failure is not done"),
            }
        }
    }

    #[test]
    fn any_bytes_are_an_attempt_or_an_error(value: Vec<u8>) {
        if let Ok(attempt) = OuterAttempt::parse(&value) {
            prop_assert!((1..=999).contains(&attempt.number()));
        }
    }
}

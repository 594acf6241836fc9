use super::*;
use crate::policy::vector::File;
use crate::{Evidence, Measure};
use nines_model::Cause;

const VECTOR: &str = "
vectors:
- name: a
  says: b
  policy: {}
  steps:
  - {at: 0s, times: 2, expect: {attempts: 1, begun: [0s], took: 10ms}}
  - {at: 1s, times: 3, expect: {refused: {cause: overloaded, measure: queue, bound: 5, retryAfter: 1s, times: {least: 1, most: 2}}}}
";

fn answered(answer: Answered) -> Seen {
    Seen {
        ended: Final::Answered(answer),
        begun: vec![Duration::ZERO],
        took: Duration::from_millis(10),
    }
}

fn refused(cause: Cause, bound: f64) -> Seen {
    Seen {
        ended: Final::Refused(Refused {
            cause,
            evidence: Evidence {
                measure: Measure::Queue,
                value: 5.0,
                bound,
                calls: 0,
            },
            retry_after: Some(Duration::from_secs(1)),
        }),
        begun: Vec::new(),
        took: Duration::ZERO,
    }
}

/// Compares the mistakes found, each by a part of it.
#[track_caller]
fn finds(first: [Seen; 2], second: [Seen; 3], expected: &[&str]) {
    let file = File::read(VECTOR, "test").expect("a good file");
    let seen: Vec<(usize, Seen)> = first
        .into_iter()
        .map(|seen| (0, seen))
        .chain(second.into_iter().map(|seen| (1, seen)))
        .collect();
    let mistakes = check(&file.vectors[0], &seen, Duration::ZERO);
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:?}");
    for (mistake, expected) in mistakes.iter().zip(expected) {
        assert!(
            mistake.to_string().contains(expected),
            "`{mistake}` has no `{expected}`"
        );
    }
}

#[test]
fn every_difference_is_found() {
    let good = || answered(Answered::Success);
    let no = || refused(Cause::Overloaded, 5.0);
    let late = || Seen {
        took: Duration::from_millis(11),
        ..good()
    };
    let twice = || Seen {
        begun: vec![Duration::ZERO; 2],
        ..good()
    };
    finds([good(), good()], [good(), no(), no()], &[]);
    finds(
        [no(), good()],
        [good(), no(), good()],
        &["step 0: refused as overloaded"],
    );
    finds(
        [answered(Answered::Failure), good()],
        [good(), no(), good()],
        &["answer is Failure"],
    );
    finds(
        [late(), twice()],
        [good(), no(), good()],
        &["it ends at 11ms, must be 10ms", "attempts is 2"],
    );
    finds(
        [good(), good()],
        [good(), good(), good()],
        &["step 1: 0 refused, must be 1 to 2"],
    );
    finds([good(), good()], [no(), no(), no()], &["3 refused"]);
    finds(
        [good(), good()],
        [good(), refused(Cause::RateLimited, 5.0), no()],
        &["cause is \"rate_limited\""],
    );
    finds(
        [good(), good()],
        [good(), refused(Cause::Overloaded, 6.0), no()],
        &["bound is 6, must be 5"],
    );
}

#[test]
fn a_bad_file_is_told() {
    for (text, part) in [
        ("vectors: [{name: a}]", "says: is missing"),
        (
            &VECTOR.replace("policy: {}", "policy: {breaker: {halfOpenCalls: 0}}"),
            "halfOpenCalls: 0 is out of range",
        ),
        (&VECTOR.replace("at: 1s", "at: 1s, tims: 3"), "did you mean `times`?"),
        (&VECTOR.replace("at: 0s", "at: 2s"), "not in the order of time"),
        (&VECTOR.replace("policy: {}", "policy: 3"), "a policy is a mapping"),
    ] {
        let error = File::read(text, "test").expect_err(text).to_string();
        assert!(error.starts_with("test: ") && error.contains(part), "{error}");
    }
}

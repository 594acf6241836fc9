//! Every hostile message is refused for its own reason, whole and byte by byte.

use nines_model::Cause;

use super::*;

#[path = "../../../testdata/hostile.rs"]
mod table;

fn check_request(case: &table::Request, step: usize) {
    let (result, _) = request_in_steps(&case.bytes, step);
    let reject = match result {
        Ok(Progress::Done(len)) if case.in_body => decode(&case.bytes[len..], Side::Client, step).reject,
        other => other.err().filter(|_| !case.in_body),
    };
    let reject = reject.unwrap_or_else(|| panic!("{}: not refused", case.name));
    assert_eq!(
        (reject.status, reject.section),
        (case.status, case.section),
        "{}: {reject}",
        case.name
    );
    let too_large = matches!(case.status, 414 | 431);
    assert_eq!(
        reject.cause,
        if too_large {
            Cause::HeadTooLarge
        } else {
            Cause::BadRequest
        },
        "{}",
        case.name
    );
}

fn check_response(case: &table::Response, step: usize) {
    let asked = Asked {
        method: Method::of(case.method.as_bytes()),
        upgrade: false,
    };
    let (result, _) = response_in_steps(&case.bytes, asked, step);
    let reject = match result {
        Ok(Progress::Done(len)) if case.in_body => decode(&case.bytes[len..], Side::Upstream, step).reject,
        other => other.err().filter(|_| !case.in_body),
    };
    let reject = reject.unwrap_or_else(|| panic!("{}: not refused", case.name));
    assert_eq!(
        (reject.status, reject.section),
        (502, case.section),
        "{}: {reject}",
        case.name
    );
    assert_eq!(reject.cause, Cause::UpstreamProtocol, "{}", case.name);
}

#[test]
fn hostile_requests_are_refused() {
    let cases = table::requests();
    assert!(cases.len() >= 60);
    for case in &cases {
        [1, 3, usize::MAX >> 1]
            .iter()
            .for_each(|&step| check_request(case, step));
    }
}

#[test]
fn hostile_responses_are_refused() {
    let cases = table::responses();
    assert!(cases.len() >= 20);
    for case in &cases {
        [1, 3, usize::MAX >> 1]
            .iter()
            .for_each(|&step| check_response(case, step));
    }
}

use http::HeaderValue;

use super::*;
use Outcome::{Failure, Ignored, Success, Throttled};
use Repeat::{IfIdempotent, Never, Safe};

fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
}

fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_str(value).expect("a good value"));
    }
    headers
}

#[test]
fn http_statuses() {
    let check = |status: u16, values: &[&str], outcome, repeat, asked: Option<u64>| {
        let status = StatusCode::from_u16(status).expect("a status");
        let expected = Observed {
            outcome,
            repeat,
            retry_after: asked.map(Duration::from_secs),
        };
        assert_eq!(
            http(status, &headers("retry-after", values), wall()),
            expected,
            "{status} {values:?}"
        );
    };
    for status in [200, 204, 301, 304, 400, 401, 404, 408, 409, 425, 451] {
        check(status, &[], Success, Never, None);
    }
    check(301, &["5"], Success, Never, None);
    check(499, &[], Ignored, Never, None);
    check(429, &[], Throttled, Safe, None);
    check(429, &["7"], Throttled, Safe, Some(7));
    check(429, &["soon"], Throttled, Safe, None);
    check(503, &[], Failure, IfIdempotent, None);
    check(503, &["0"], Throttled, IfIdempotent, Some(0));
    check(503, &["2", "5", "bad"], Throttled, IfIdempotent, Some(5));
    check(
        503,
        &["Sun, 06 Nov 1994 08:49:47 GMT"],
        Throttled,
        IfIdempotent,
        Some(10),
    );
    check(503, &["-1"], Failure, IfIdempotent, None);
    check(502, &[], Failure, IfIdempotent, None);
    check(504, &["3"], Failure, IfIdempotent, Some(3));
    for status in [500, 501, 505, 507, 511, 599, 999] {
        check(status, &["1"], Failure, Never, None);
    }
}

#[test]
fn grpc_statuses() {
    let check = |code: u32, pushback: &[&str], outcome, repeat, asked: Option<u64>| {
        let expected = Observed {
            outcome,
            repeat,
            retry_after: asked.map(Duration::from_millis),
        };
        let trailers = headers("grpc-retry-pushback-ms", pushback);
        assert_eq!(grpc(code, &trailers), expected, "{code} {pushback:?}");
    };
    for code in [0, 3, 5, 6, 7, 9, 10, 11, 12, 16] {
        check(code, &[], Success, Never, None);
        check(code, &["5"], Success, Never, None);
    }
    check(1, &[], Ignored, Never, None);
    for code in [2, 13, 15, 17, u32::MAX] {
        check(code, &[], Failure, Never, None);
    }
    for code in [4, 14] {
        check(code, &[], Failure, IfIdempotent, None);
        check(code, &["120"], Failure, IfIdempotent, Some(120));
        check(code, &["-1"], Failure, Never, None);
        check(code, &["x"], Failure, Never, None);
    }
    check(8, &[], Throttled, Never, None);
    check(8, &["250"], Throttled, Safe, Some(250));
    check(8, &["-1"], Throttled, Never, None);
}

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ::http::{Request, Response};

use super::*;
use crate::Outcome;
use crate::layer::Error;
use crate::layer::probe::Broken;

type Body = &'static str;

/// One way of reading `http`, for one error type, so that calls need no turbofish.
fn http() -> impl Inspect<Request<Body>, Response<Body>, io::Error> {
    Http::cloning()
}

fn request(headers: &[(&'static str, &'static str)]) -> Request<Body> {
    let mut request = Request::new("body");
    for (name, value) in headers {
        request
            .headers_mut()
            .append(*name, value.parse().expect("a header value"));
    }
    request
}

#[track_caller]
fn check(status: u16, headers: &[(&'static str, &'static str)], outcome: Outcome, repeat: Repeat) {
    let mut response = Response::new("");
    *response.status_mut() = status.try_into().expect("a status");
    *response.headers_mut() = request(headers).into_parts().0.headers;
    let observed = http().observe(&Ok(response));
    assert_eq!(
        (observed.outcome, observed.repeat),
        (outcome, repeat),
        "{status} {headers:?}"
    );
}

#[test]
fn answers_are_read_by_status_and_by_grpc_status() {
    let grpc = ("content-type", "application/grpc+proto");
    check(200, &[], Outcome::Success, Repeat::Never);
    check(404, &[], Outcome::Success, Repeat::Never);
    check(429, &[], Outcome::Throttled, Repeat::Safe);
    check(500, &[], Outcome::Failure, Repeat::Never);
    check(503, &[], Outcome::Failure, Repeat::IfIdempotent);
    check(503, &[("retry-after", "2")], Outcome::Throttled, Repeat::IfIdempotent);
    check(200, &[grpc], Outcome::Success, Repeat::Never);
    check(200, &[grpc, ("grpc-status", "0")], Outcome::Success, Repeat::Never);
    check(
        200,
        &[grpc, ("grpc-status", "14")],
        Outcome::Failure,
        Repeat::IfIdempotent,
    );
    check(
        200,
        &[grpc, ("grpc-status", "nonsense")],
        Outcome::Failure,
        Repeat::Never,
    );
    // Without the content type it is a header like any other.
    check(200, &[("grpc-status", "14")], Outcome::Success, Repeat::Never);
    check(
        200,
        &[("content-type", "application/grpc-web"), ("grpc-status", "14")],
        Outcome::Success,
        Repeat::Never,
    );
}

#[derive(Debug, thiserror::Error)]
#[error("order failed")]
struct OrderFailed(#[source] io::Error);

/// What the callee could not connect to says nothing of what it did before.
#[test]
fn an_error_is_safe_to_repeat_only_where_it_is_known_that_nothing_was_sent() {
    let refused = || Error::Inner(OrderFailed(io::ErrorKind::ConnectionRefused.into()));
    let repeat = |http: Http, error| {
        let result: Result<Response<Body>, Error<OrderFailed>> = Err(error);
        Inspect::<Request<Body>, _, _>::observe(&http, &result).repeat
    };
    assert_eq!(repeat(Http::new(), refused()), Repeat::IfIdempotent);
    let knowing = Http::new().unsent(|error| {
        let io = error.downcast_ref::<io::Error>();
        io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused)
    });
    assert_eq!(repeat(knowing, refused()), Repeat::Safe);
    let reset = Error::Inner(OrderFailed(io::ErrorKind::ConnectionReset.into()));
    assert_eq!(repeat(knowing, reset), Repeat::IfIdempotent);
    let plain = Inspect::<(), (), _>::observe(&Plain::default(), &Err(refused()));
    assert_eq!((plain.outcome, plain.repeat), (Outcome::Failure, Repeat::IfIdempotent));
}

#[test]
fn plain_results_are_read_by_the_error_alone() {
    let plain = |result: Result<(), Error<Broken>>| Inspect::<(), _, _>::observe(&Plain::default(), &result).outcome;
    assert_eq!(plain(Ok(())), Outcome::Success);
    assert_eq!(plain(Err(Error::Inner(Broken))), Outcome::Failure);
    let panicked = crate::layer::Panicked { message: "x".into() };
    assert_eq!(plain(Err(Error::Panicked(panicked))), Outcome::Failure);
}

#[test]
fn a_request_is_idempotent_by_its_method_or_by_what_it_says() {
    let cases = [
        ("GET", None, true),
        ("POST", None, false),
        ("POST", Some(true), true),
        ("GET", Some(false), false),
    ];
    for (method, said, idempotent) in cases {
        let mut request = request(&[]);
        *request.method_mut() = method.parse().expect("a method");
        if let Some(said) = said {
            request.extensions_mut().insert(Idempotent(said));
        }
        assert_eq!(http().idempotent(&request), idempotent, "{method} {said:?}");
    }
}

#[test]
fn clients_are_told_apart_by_network_and_headers_by_value() {
    let mut request = request(&[("x-tenant", "blue"), ("x-tenant", "green")]);
    let by_header = |request, name| {
        http()
            .key(request, &KeyBy::Header(HeaderName::from_static(name)))
            .is_some()
    };
    assert!(by_header(&request, "x-tenant") && !by_header(&request, "x-user"));
    let tenant = KeyBy::Header(HeaderName::from_static("x-tenant"));
    assert_eq!(http().key(&request, &tenant), Some(Key::Bytes(b"blue")));
    assert_eq!(http().key(&request, &KeyBy::Client), None);
    for (address, network) in [
        ("192.0.2.7", IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
        ("::ffff:192.0.2.7", IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
        (
            "2001:db8:1:2:3:4:5:6",
            IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, 0)),
        ),
    ] {
        request
            .extensions_mut()
            .insert(ClientAddress(address.parse().expect("an address")));
        assert_eq!(
            http().key(&request, &KeyBy::Client),
            Some(Key::Address(network)),
            "{address}"
        );
    }
}

#[test]
fn a_copy_is_the_same_request_and_only_where_the_body_can_be_copied() {
    let mut original = request(&[("x-tenant", "blue")]);
    *original.method_mut() = ::http::Method::PUT;
    original.extensions_mut().insert(Idempotent(true));
    let copy = http().copy(&original).expect("the body can be cloned");
    assert_eq!(format!("{copy:?}"), format!("{original:?}"));
    assert!(copy.extensions().get::<Idempotent>().is_some());
    let once: &dyn Inspect<Request<Body>, Response<Body>, io::Error> = &Http::new();
    assert!(once.copy(&original).is_none());
    let some = Http::copying(|body: &Body| body.is_empty().then_some(""));
    let some: &dyn Inspect<Request<Body>, Response<Body>, io::Error> = &some;
    assert!(some.copy(&original).is_none() && some.copy(&Request::new("")).is_some());
}

#[test]
fn a_stamp_tells_the_time_left_and_tells_it_anew_with_the_next_attempt() {
    let begin = super::super::now();
    let stamp = |deadline, attempt, now| Stamp {
        deadline,
        attempt: NonZeroU32::new(attempt).expect("from 1"),
        now,
    };
    let deadline = Deadline::after(Duration::from_secs(2), begin);
    let later = begin + Duration::from_millis(1500);
    for (content_type, header, first, second) in [
        ("text/plain", "x-nines-timeout-ms", "2000", "500"),
        ("application/grpc", "grpc-timeout", "2000000u", "500000u"),
    ] {
        let mut request = request(&[("content-type", content_type)]);
        http().stamp(&mut request, stamp(Some(deadline), 1, begin));
        assert_eq!(request.headers()[header], first);
        assert!(
            !request.headers().contains_key("x-nines-attempt"),
            "a first attempt needs no mark"
        );
        let mut again = http().copy(&request).expect("a copy");
        http().stamp(&mut again, stamp(None, 2, later));
        assert_eq!(again.headers()[header], second);
        assert_eq!(http().outer(&again).number(), 2);
    }
    let mut silent = request(&[]);
    http().stamp(&mut silent, stamp(None, 2, later));
    assert!(
        !silent.headers().contains_key("x-nines-timeout-ms"),
        "what was not told is not told later"
    );
}

#[test]
fn a_result_is_described_in_a_few_words() {
    let refused: Result<Response<Body>, _> = Err(Error::Inner(Broken));
    let described = Inspect::<Request<Body>, _, _>::describe(&Http::new(), &refused);
    assert_eq!(described, "inner service failed: broken");
    let mut unavailable = Response::new("");
    *unavailable.status_mut() = ::http::StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(http().describe(&Ok(unavailable)), "status 503");
}

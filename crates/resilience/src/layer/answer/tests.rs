use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::{Ready, ready};
use std::time::Duration;

use http::{Request, Response};
use nines_model::Cause;
use tower::{Layer as _, Service as _, ServiceExt, service_fn};

use super::*;
use crate::deadline::Deadline;
use crate::layer::{Error, Panicked, Stopped};
use crate::{Evidence, Measure, Refused};

type Inner = Error<Infallible>;

fn refused(cause: Cause, retry_after: Option<Duration>) -> Inner {
    let evidence = Evidence {
        measure: Measure::FailureRate,
        value: 0.625,
        bound: 0.5,
        calls: 40,
    };
    let refused = Refused {
        cause,
        evidence,
        retry_after,
    };
    Error::Refused(refused.by(&"shop/orders".into()))
}

/// The answer for an error that went through another layer on its way out.
async fn answer(error: Inner, content_type: &'static str) -> Response<String> {
    let mut request = Request::new(());
    let headers = request.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static(content_type));
    let failing = service_fn(move |_: Request<()>| ready(Err::<Response<String>, _>(Error::Inner(error.clone()))));
    let answered: Result<_, Infallible> = Layer::new().layer(failing).oneshot(request).await;
    let Ok(response) = answered;
    response
}

#[tokio::test]
async fn every_cause_is_answered_with_its_status_and_its_evidence() {
    for cause in Cause::ALL {
        let response = answer(refused(cause, None), "text/plain").await;
        assert_eq!(response.status().as_u16(), cause.status());
        let line = format!("{cause}; policy=shop/orders; failure_rate=0.625; bound=0.5; calls=40");
        assert_eq!(response.headers()[CAUSE], *line);
        assert!(!response.headers().contains_key("retry-after"));
    }
}

#[tokio::test]
async fn the_time_to_come_again_is_in_whole_seconds_rounded_up() {
    for (millis, seconds) in [(3200, "4"), (3000, "3"), (1, "1")] {
        let after = Some(Duration::from_millis(millis));
        let response = answer(refused(Cause::BreakerOpen, after), "text/plain").await;
        assert_eq!(response.headers()["retry-after"], seconds);
    }
}

#[tokio::test]
async fn the_body_says_why() {
    let after = Some(Duration::from_millis(3200));
    let response = answer(refused(Cause::BreakerOpen, after), "text/plain").await;
    assert_eq!(
        response.body(),
        "breaker_open: policy shop/orders refused: breaker_open: failure_rate=0.625 bound=0.5 calls=40, \
         retry after 3.2 s\n"
    );
}

#[tokio::test]
async fn what_was_stopped_caught_or_malformed_is_answered_too() {
    let second = Duration::from_secs(1);
    let stopped = Stopped::after(second, second, Cause::UpstreamTimeout, &"slow".into());
    let bad = Deadline::from_timeout_ms(b"so\xc3\xb6n", crate::layer::now()).expect_err("no number");
    let secret = Panicked {
        message: "password is 1234".into(),
    };
    for (error, status, line) in [
        (
            Error::Stopped(stopped),
            504,
            "upstream_timeout; policy=slow; wait=1; bound=1",
        ),
        (Error::Malformed(bad), 400, "bad_request"),
        (Error::Panicked(secret), 500, "internal"),
    ] {
        let response = answer(error, "text/plain").await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()[CAUSE]),
            (status, &line.parse().expect("a value"))
        );
        assert!(
            !response.body().contains("1234"),
            "what a panic says is not told to callers"
        );
    }
}

#[tokio::test]
async fn a_grpc_call_is_answered_in_grpc() {
    for (cause, code) in [
        (Cause::RateLimited, "8"),
        (Cause::BreakerOpen, "14"),
        (Cause::DeadlineExceeded, "4"),
        (Cause::Internal, "13"),
        (Cause::BadRequest, "3"),
    ] {
        let after = Some(Duration::from_millis(1500));
        let response = answer(refused(cause, after), "application/grpc").await;
        let headers = response.headers();
        assert_eq!(
            (response.status().as_u16(), &headers["grpc-status"]),
            (200, &code.parse().expect("a value"))
        );
        assert_eq!(
            (&headers["content-type"], response.body().as_str()),
            (&"application/grpc".parse().expect("a value"), "")
        );
        assert_eq!(headers["grpc-retry-pushback-ms"], "1500");
        assert!(
            headers["grpc-message"]
                .to_str()
                .expect("ASCII")
                .starts_with("policy shop/orders refused: ")
        );
    }
}

#[tokio::test]
async fn a_name_that_no_header_can_bear_does_not_break_out() {
    let evil = Refused {
        cause: Cause::Overloaded,
        evidence: Evidence {
            measure: Measure::InFlight,
            value: 1.0,
            bound: 1.0,
            calls: 0,
        },
        retry_after: None,
    };
    let evil = Error::Refused(evil.by(&"a\r\nset-cookie: é%".into()));
    let response = answer(evil.clone(), "text/plain").await;
    assert_eq!(
        response.headers()[CAUSE],
        "overloaded; policy=a??set-cookie: ?%; in_flight=1; bound=1"
    );
    let response = answer(evil, "application/grpc").await;
    let message = response.headers()["grpc-message"].to_str().expect("ASCII");
    assert!(
        message.starts_with("policy a%0D%0Aset-cookie: %C3%A9%25 refused"),
        "{message}"
    );
}

#[tokio::test]
async fn the_innermost_error_comes_out_as_it_was() {
    let io = || std::io::Error::other("disk full");
    let failing = service_fn(move |_: Request<()>| ready(Err::<Response<String>, _>(Error::Inner(Error::Inner(io())))));
    let left: std::io::Error = Layer::new()
        .layer(failing)
        .oneshot(Request::new(()))
        .await
        .expect_err("not ours");
    assert_eq!(left.to_string(), "disk full");
}

#[tokio::test]
async fn a_boxed_error_is_looked_into() {
    type Boxed = Box<dyn StdError + Send + Sync>;
    let boxed = |error: Boxed| {
        let mut error = Some(error);
        service_fn(move |_: Request<()>| ready(Err::<Response<String>, _>(error.take().expect("one call"))))
    };
    let ours: Boxed = refused(Cause::Overloaded, None).into();
    let answered = Layer::new().layer(boxed(ours)).oneshot(Request::new(())).await;
    assert_eq!(answered.expect("it is answered").status().as_u16(), 503);
    let theirs: Boxed = "disk full".into();
    let left = Layer::new().layer(boxed(theirs)).oneshot(Request::new(())).await;
    assert_eq!(left.expect_err("not ours").to_string(), "disk full");
}

/// A service whose readiness is refused.
#[derive(Debug, Clone)]
struct Unready;

impl tower::Service<Request<()>> for Unready {
    type Response = Response<String>;
    type Error = Inner;
    type Future = Ready<Result<Response<String>, Inner>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Inner>> {
        Poll::Ready(Err(refused(Cause::Draining, None)))
    }

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        panic!("called without readiness")
    }
}

#[tokio::test]
async fn a_refusal_in_place_of_readiness_is_the_answer_to_the_call() {
    let mut service = Layer::new().layer(Unready);
    let Ok(ready) = service.ready().await;
    let Ok(response) = ready.call(Request::new(())).await;
    assert_eq!(
        response.headers()[CAUSE],
        "draining; policy=shop/orders; failure_rate=0.625; bound=0.5; calls=40"
    );
}

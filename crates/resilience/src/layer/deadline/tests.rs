use std::convert::Infallible;
use std::future::{self, Future as _, pending, poll_fn};
use std::pin::pin;

use http::{Request, Response};
use tower::{Layer as _, Service as _, ServiceExt, service_fn};

use super::*;
use crate::layer::probe::{Act, Broken, Probe, check_contract, exhaust_budget};
use crate::layer::{Http, Plain};

fn around(probe: Probe) -> Service<Probe, Plain> {
    let layer = Layer::new("deadline", Config::default(), Plain::default()).expect("a valid layer");
    layer.layer(probe)
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    check_contract(around, || 0).await;
}

#[test]
fn limits_that_cannot_work_are_refused_by_name() {
    let zero = Config {
        default: Some(Duration::ZERO),
        ..Config::default()
    };
    let error = zero.validate().expect_err("no time at all");
    assert_eq!(
        error.to_string(),
        "deadline.default is 0ns, but must be over 0 and at most 24h"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_refused_before_the_callee_and_lets_its_readiness_go() {
    let probe = Probe::with_slots(1);
    let mut service = around(probe.clone());
    service.ready().await.expect("a free slot");
    let call = deadline::scope(Deadline::at(now()), async { service.call(Act::Succeed).await });
    let error = call.await.expect_err("no time is left");
    assert_eq!(
        error.refusal().map(|refusal| refusal.refused.cause),
        Some(Cause::DeadlineExceeded)
    );
    assert_eq!((probe.calls(), probe.free()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_stopped_at_its_deadline_and_holds_nothing_from_then_on() {
    let (probe, begin) = (Probe::with_slots(1), now());
    let mut service = around(probe.clone());
    let mut call = pin!(service.ready().await.expect("a free slot").call(Act::Hold));
    let error = call.as_mut().await.expect_err("it is stopped");
    assert_eq!(now() - begin, Duration::from_secs(15), "the default");
    assert_eq!(probe.free(), 1, "the inner future is gone although the outer is not");
    let Error::Stopped(stopped) = error else {
        panic!("{error}")
    };
    assert_eq!(
        stopped.to_string(),
        "policy deadline stopped the call: deadline_exceeded: wait=15 bound=15"
    );
}

/// tokio's own timer is pending when the budget of a poll is used up: a callee that always uses it up would run on.
#[tokio::test(start_paused = true)]
async fn a_callee_that_uses_up_every_budget_is_stopped_all_the_same() {
    let greedy = service_fn(|()| {
        poll_fn(|cx| {
            exhaust_budget(cx);
            cx.waker().wake_by_ref();
            std::task::Poll::<Result<(), Broken>>::Pending
        })
    });
    let layer = Layer::new("deadline", Config::default(), Plain::default()).expect("a valid layer");
    let mut call = pin!(layer.layer(greedy).oneshot(()));
    let once = poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_pending()));
    assert!(once.await);
    tokio::time::advance(Duration::from_secs(16)).await;
    let once = poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx)));
    assert!(once.await.is_ready());
}

#[test]
fn an_answer_at_once_needs_no_timer() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime without time");
    let answer = runtime.block_on(around(Probe::with_slots(1)).oneshot(Act::Succeed));
    assert!(answer.is_ok());
}

/// What the callee sees of deadlines: on the request, on the task, in the headers.
async fn seen(
    config: Config,
    headers: &[(&'static str, &'static str)],
    on_request: Option<Duration>,
) -> [Option<u128>; 3] {
    let begin = now();
    let callee = service_fn(move |request: Request<()>| {
        let told = request.headers().get("x-nines-timeout-ms");
        let told = told.map(|value| value.to_str().expect("digits").parse().expect("a number"));
        let noted = Deadline::of(request.extensions());
        async move {
            let seen = [noted, deadline::current()].map(|deadline| Some((deadline?.instant() - begin).as_millis()));
            Ok::<_, Infallible>(Response::new([seen[0], seen[1], told]))
        }
    });
    let mut request = Request::new(());
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(*name, value.parse().expect("a header value"));
    }
    if let Some(timeout) = on_request {
        Deadline::after(timeout, begin).put(request.extensions_mut());
    }
    let layer = Layer::new("deadline", config, Http::new()).expect("a valid layer");
    let answer = layer.layer(callee).oneshot(request).await;
    answer.expect("an answer").into_body()
}

#[tokio::test(start_paused = true)]
async fn the_earliest_deadline_is_in_force_and_passed_on() {
    let ms = Duration::from_millis;
    let server = Config::server();
    let capped = Config {
        max: Some(ms(800)),
        ..server
    };
    let open = Config {
        default: None,
        ..server
    };
    let client = Config {
        margin: ms(5),
        ..Config::client()
    };
    let told = [("x-nines-timeout-ms", "2000")];
    let grpc = [("x-nines-timeout-ms", "2000"), ("grpc-timeout", "700m")];
    assert_eq!(seen(server, &[], None).await, [Some(15_000), Some(15_000), None]);
    assert_eq!(seen(server, &told, None).await, [Some(2000), Some(2000), Some(2000)]);
    assert_eq!(seen(server, &grpc, None).await[0], Some(700));
    assert_eq!(seen(server, &told, Some(ms(100))).await[0], Some(100));
    assert_eq!(seen(capped, &told, None).await[0], Some(800));
    assert_eq!(seen(open, &[], None).await, [None, None, None]);
    assert_eq!(seen(client, &[], Some(ms(100))).await, [Some(100), Some(100), Some(95)]);
    let around = deadline::scope(Deadline::after(ms(60), now()), seen(client, &[], Some(ms(100))));
    assert_eq!(around.await, [Some(60), Some(60), Some(55)]);
}

#[tokio::test(start_paused = true)]
async fn a_header_that_cannot_be_read_is_refused_and_not_guessed() {
    let callee = service_fn(|_: Request<()>| future::ready(Ok::<_, Infallible>(Response::new(()))));
    let layer = Layer::new("deadline", Config::server(), Http::new()).expect("a valid layer");
    let mut request = Request::new(());
    request
        .headers_mut()
        .insert("x-nines-timeout-ms", "soon".parse().expect("a value"));
    let error = layer.layer(callee).oneshot(request).await.expect_err("it is malformed");
    assert!(matches!(error, Error::Malformed(_)));
}

#[tokio::test(start_paused = true)]
async fn without_any_deadline_a_call_takes_as_long_as_it_takes() {
    let config = Config {
        default: None,
        ..Config::default()
    };
    let layer = Layer::new("deadline", config, Plain::default()).expect("a valid layer");
    let forever = service_fn(|()| pending::<Result<(), Broken>>());
    let call = tokio::time::timeout(Duration::from_secs(86_400), layer.layer(forever).oneshot(()));
    assert!(call.await.is_err(), "only the test ends it");
}

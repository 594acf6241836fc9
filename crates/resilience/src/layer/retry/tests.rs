use std::error::Error as StdError;
use std::future::Future as _;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nines_base::Backoff;
use tower::{Layer as _, Service as _, ServiceExt, service_fn};

use super::*;
use crate::deadline::{self, Deadline};
use crate::layer::probe::{Act, Answer, Broken, Probe, Woken, check_contract};
use crate::layer::{Http, Plain};
use crate::retry::{BudgetConfig, GiveUp, History};

fn budget(min_per_second: u32) -> Arc<Budget> {
    let config = BudgetConfig {
        min_per_second,
        ..BudgetConfig::default()
    };
    Arc::new(Budget::new(config, now()).expect("a valid budget"))
}

fn layer(inspect: Plain) -> Layer<Plain> {
    Layer::new("retry", Config::default(), budget(100), inspect).expect("a valid layer")
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    for inspect in [Plain::default(), Plain::IDEMPOTENT] {
        check_contract(|probe| layer(inspect).layer(probe), || 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_goes_to_a_service_that_is_ready_and_holds_one_slot() {
    let probe = Probe::with_slots(1);
    let service = layer(Plain::IDEMPOTENT).layer(probe.clone());
    let answer = service.oneshot(Act::FailFirst(2)).await;
    assert_eq!(answer.expect("the third attempt succeeds"), Answer(3));
    assert_eq!((probe.calls(), probe.unready_calls(), probe.free()), (3, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_final_error_tells_of_every_attempt_and_keeps_the_last_error() {
    let probe = Probe::with_slots(1);
    let error = layer(Plain::IDEMPOTENT).layer(probe.clone()).oneshot(Act::Fail).await;
    let error = error.expect_err("every attempt fails");
    let source = error.source().and_then(StdError::source).expect("the last error");
    assert!(source.is::<Broken>());
    let Error::GaveUp(gave_up) = error else {
        panic!("{error}")
    };
    assert_eq!((gave_up.reason, gave_up.history.count()), (GiveUp::Exhausted, 3));
    let texts: Vec<&str> = gave_up.history.iter().map(|attempt| &*attempt.text).collect();
    assert_eq!(texts, ["broken"; 3]);
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_repeated_is_made_once() {
    let probe = Probe::with_slots(1);
    let error = layer(Plain::default()).layer(probe.clone()).oneshot(Act::Fail).await;
    assert_eq!(error.expect_err("it fails"), Error::Inner(Broken));
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_clones_draw_on_one_budget() {
    let layer = Layer::new("retry", Config::default(), budget(1), Plain::IDEMPOTENT).expect("a valid layer");
    let mut calls = 0;
    for _ in 0..20 {
        let probe = Probe::with_slots(1);
        let error = layer.layer(probe.clone()).oneshot(Act::Fail).await;
        assert!(error.is_err());
        calls += probe.calls();
    }
    // 20 calls earn 4, and the floor gives one for each second; the waits are well under two.
    assert!((24..=26).contains(&calls), "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_deadline() {
    let config = Config {
        backoff: Backoff {
            base: Duration::from_secs(3600),
            max: Duration::from_secs(3600),
        },
        ..Config::default()
    };
    let layer = Layer::new("retry", config, budget(100), Plain::IDEMPOTENT).expect("a valid layer");
    let (probe, begin) = (Probe::with_slots(1), now());
    let call = layer.layer(probe.clone()).oneshot(Act::Fail);
    let error = deadline::scope(Deadline::after(Duration::from_millis(1), begin), call).await;
    // One wait in 3.6 million is short enough: then the second attempt fails in the same way.
    assert!(error.is_err() && now() - begin < Duration::from_millis(1));
}

/// What came of the attempt before is the answer, however late the service is ready for another or the call is polled.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_ready_too_late_is_not_called() {
    let limit = Duration::from_secs(1);
    let probe = Probe::with_slots(1);
    let mut rival = probe.clone();
    let begin = now();
    let call = layer(Plain::IDEMPOTENT).layer(probe.clone()).oneshot(Act::Fail);
    let mut call = pin!(deadline::scope(Deadline::after(limit, begin), call));
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    assert!(call.as_mut().poll(cx).is_pending(), "it waits for its second attempt");
    rival.ready().await.expect("the slot is free meanwhile");
    assert_eq!(call.await, Err(Error::Inner(Broken)));
    assert_eq!((now() - begin, probe.calls()), (limit, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_polled_too_late_is_not_made_again() {
    let probe = Probe::with_slots(1);
    let call = layer(Plain::IDEMPOTENT).layer(probe.clone()).oneshot(Act::Fail);
    let mut call = pin!(deadline::scope(Deadline::after(Duration::from_secs(1), now()), call));
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    assert!(call.as_mut().poll(cx).is_pending(), "it waits for its second attempt");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(call.await, Err(Error::Inner(Broken)));
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_it_waits_to_be_repeated_holds_nothing() {
    let probe = Probe::with_slots(1);
    let mut service = layer(Plain::IDEMPOTENT).layer(probe.clone());
    let (_, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    assert!(service.poll_ready(cx).is_ready());
    {
        let mut call = pin!(service.call(Act::Fail));
        assert!(call.as_mut().poll(cx).is_pending());
        assert_eq!((probe.calls(), probe.free()), (1, 1), "nobody is kept while it waits");
    }
    drop(service);
    assert_eq!((probe.calls(), probe.free()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn attempts_are_marked_for_the_next_hop_and_their_story_is_on_the_answer() {
    let calls = AtomicU32::new(0);
    let seen = parking_lot::Mutex::new(Vec::new());
    let callee = service_fn(|request: http::Request<()>| {
        let attempt = request.headers().get("x-nines-attempt").cloned();
        seen.lock()
            .push(attempt.map(|value| value.to_str().expect("digits").to_owned()));
        let mut response = http::Response::new(());
        if calls.fetch_add(1, Ordering::Relaxed) < 2 {
            *response.status_mut() = http::StatusCode::BAD_GATEWAY;
        }
        std::future::ready(Ok::<_, Broken>(response))
    });
    let layer = Layer::new("retry", Config::default(), budget(100), Http::cloning()).expect("a valid layer");
    let response = layer.layer(callee).oneshot(http::Request::new(())).await;
    let response = response.expect("the third attempt succeeds");
    assert_eq!(response.extensions().get::<History>().map(History::count), Some(2));
    assert_eq!(*seen.lock(), [None, Some("2".to_owned()), Some("3".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_an_outer_hop_repeats_is_made_once() {
    let calls = AtomicU32::new(0);
    let callee = service_fn(|_: http::Request<()>| {
        calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<http::Response<()>, _>(Broken))
    });
    let layer = Layer::new("retry", Config::default(), budget(100), Http::cloning()).expect("a valid layer");
    let mut request = http::Request::new(());
    request
        .headers_mut()
        .insert("x-nines-attempt", "2".parse().expect("a value"));
    let error = layer.layer(callee).oneshot(request).await;
    assert_eq!(error.expect_err("it fails"), Error::Inner(Broken));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

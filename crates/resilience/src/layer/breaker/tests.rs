use std::future::Future as _;
use std::pin::pin;
use std::task::Context;
use std::time::Duration;

use nines_model::Cause;
use tower::{Layer as _, Service as _, ServiceExt};

use super::*;
use crate::breaker::State;
use crate::layer::probe::{Act, Probe, Woken, check_contract};
use crate::layer::{Error, Plain, panic};

/// Opens after three failures in a row, and lets one probe through after 5 s.
fn layer() -> Layer<Plain> {
    let config = Config {
        consecutive_failures: Some(3),
        failure_rate: None,
        open_for: Duration::from_secs(5),
        jitter: 0.0,
        half_open_calls: 1,
        ..Config::default()
    };
    Layer::new("callee", config, Plain::default()).expect("a valid layer")
}

async fn fail(layer: &Layer<Plain>, times: u32) {
    for _ in 0..times {
        let error = layer.layer(Probe::with_slots(1)).oneshot(Act::Fail).await;
        assert!(error.is_err());
    }
}

fn state(layer: &Layer<Plain>) -> State {
    layer.shared().core.state()
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    let layer = layer();
    check_contract(|probe| layer.layer(probe), || 0).await;
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_on_every_clone_and_lets_the_inner_readiness_go() {
    let layer = layer();
    fail(&layer, 3).await;
    let probe = Probe::with_slots(1);
    let mut service = layer.layer(probe.clone());
    let error = service.ready().await.expect("a free slot").call(Act::Succeed).await;
    let error = error.expect_err("the breaker is open");
    let refused = error.refusal().expect("it is refused").refused;
    assert_eq!(
        (refused.cause, refused.retry_after),
        (Cause::BreakerOpen, Some(Duration::from_secs(5)))
    );
    assert_eq!(
        (probe.calls(), probe.free()),
        (0, 1),
        "the slot is free although the service lives on"
    );
}

/// Clones that count for themselves let one probe through for each of them.
#[tokio::test(start_paused = true)]
async fn tower_resilience_382_clones_share_the_half_open_slots() {
    let layer = layer();
    fail(&layer, 3).await;
    tokio::time::advance(Duration::from_secs(6)).await;
    let probe = Probe::with_slots(10);
    let (_, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    let calls: Vec<_> = (0..10)
        .map(|_| Box::pin(layer.layer(probe.clone()).oneshot(Act::Hold)))
        .collect();
    let mut calls = calls;
    let refused = calls.iter_mut().filter_map(|call| match call.as_mut().poll(cx) {
        std::task::Poll::Ready(Err(Error::Refused(_))) => Some(()),
        _ => None,
    });
    assert_eq!((refused.count(), probe.calls()), (9, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_gives_its_half_open_slot_back() {
    let layer = layer();
    fail(&layer, 3).await;
    tokio::time::advance(Duration::from_secs(6)).await;
    for _ in 0..5 {
        let (_, waker) = Woken::new();
        let mut call = pin!(layer.layer(Probe::with_slots(1)).oneshot(Act::Hold));
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(state(&layer), State::HalfOpen);
    layer
        .layer(Probe::with_slots(1))
        .oneshot(Act::Succeed)
        .await
        .expect("the slot is free");
    assert_eq!(state(&layer), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_caught_or_not() {
    for act in [Act::PanicInCall, Act::PanicInPoll] {
        let caught = layer();
        for _ in 0..3 {
            let stack = caught.layer(panic::Layer::new("panic").layer(Probe::with_slots(1)));
            assert!(stack.oneshot(act).await.is_err());
        }
        assert_eq!(state(&caught), State::Open, "{act:?} caught inside");
        let unwound = layer();
        for _ in 0..3 {
            let stack = panic::Layer::new("panic").layer(unwound.layer(Probe::with_slots(1)));
            assert!(stack.oneshot(act).await.is_err());
        }
        assert_eq!(state(&unwound), State::Open, "{act:?} unwound through the breaker");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_inside_refuses_is_not_held_against_the_callee() {
    let (outer, inner) = (layer(), layer());
    fail(&inner, 3).await;
    for _ in 0..20 {
        let error = outer
            .layer(inner.layer(Probe::with_slots(1)))
            .oneshot(Act::Succeed)
            .await;
        assert!(matches!(error, Err(Error::Inner(Error::Refused(_)))));
    }
    assert_eq!((state(&outer), state(&inner)), (State::Closed, State::Open));
}

/// A service cloned for each connection, as axum and hyper do it.
#[tokio::test(start_paused = true)]
async fn a_service_cloned_per_connection_counts_in_one_breaker() {
    let layer = layer();
    let service = layer.layer(Probe::with_slots(1));
    for _ in 0..3 {
        assert!(service.clone().oneshot(Act::Fail).await.is_err());
    }
    assert!(matches!(service.oneshot(Act::Succeed).await, Err(Error::Refused(_))));
}

use std::future::Future as _;
use std::pin::pin;
use std::task::Context;

use http::{Request, Response};
use nines_model::Cause;
use tower::{Layer as _, Service as _, ServiceExt, service_fn};

use super::*;
use crate::layer::probe::{Act, Broken, Probe, Woken, check_contract};
use crate::layer::{Http, Plain};

fn config(initial: u32) -> Config {
    Config {
        initial,
        max: initial.max(200),
        ..Config::default()
    }
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    let layer = Layer::new("callee", config(1000), Plain::default()).expect("a valid layer");
    let in_flight = || u64::from(layer.shared().core.in_flight());
    check_contract(|probe| layer.layer(probe), in_flight).await;
}

#[tokio::test(start_paused = true)]
async fn clones_share_the_limit_and_a_dropped_call_gives_its_place_back() {
    let layer = Layer::new("callee", config(1), Plain::default()).expect("a valid layer");
    let probe = Probe::with_slots(10);
    let (_, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    let mut service = layer.layer(probe.clone());
    let mut first = Box::pin(service.ready().await.expect("ready").call(Act::Hold));
    assert!(first.as_mut().poll(cx).is_pending());
    let error = service.clone().oneshot(Act::Succeed).await.expect_err("no room");
    assert_eq!(error.refusal().expect("it is refused").refused.cause, Cause::Overloaded);
    drop(first);
    assert!(service.clone().oneshot(Act::Succeed).await.is_ok());
    assert_eq!(layer.shared().core.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_says_how_important_it_is() {
    let layer = Layer::new("callee", config(10), Http::new()).expect("a valid layer");
    let pending = layer.layer(service_fn(|_: Request<()>| {
        std::future::pending::<Result<Response<()>, Broken>>()
    }));
    let request = |priority: Option<Priority>| {
        let mut request = Request::new(());
        priority.map(|priority| request.extensions_mut().insert(priority));
        request
    };
    let (_, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    let mut held = Vec::new();
    for (priority, most) in [(Some(Priority::VeryLow), 6), (None, 10), (Some(Priority::VeryHigh), 12)] {
        let refused = loop {
            let mut call = Box::pin(pending.clone().oneshot(request(priority)));
            match call.as_mut().poll(cx) {
                std::task::Poll::Pending => held.push(call),
                std::task::Poll::Ready(result) => break result.expect_err("nothing is answered"),
            }
        };
        let refusal = refused.refusal().expect("it is refused").refused;
        assert_eq!(
            (held.len(), refusal.evidence.bound),
            (most, most as f64),
            "{priority:?}"
        );
    }
    drop(held);
    let last = pin!(pending.clone().oneshot(request(Some(Priority::VeryLow))))
        .poll(cx)
        .is_pending();
    assert!(last, "all places are free again");
}

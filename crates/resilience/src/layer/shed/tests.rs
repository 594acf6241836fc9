use std::future::Future as _;
use std::task::Context;
use std::time::Duration;

use nines_model::Cause;
use tower::{Layer as _, Service as _, ServiceExt, service_fn};

use super::*;
use crate::layer::Plain;
use crate::layer::probe::{Act, Broken, Probe, Woken, check_contract};

fn layer() -> Layer<Plain> {
    Layer::new("process", ShedderConfig::default(), Plain::default()).expect("a valid layer")
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    let layer = layer();
    let in_flight = || u64::from(layer.shared().core.in_flight());
    check_contract(|probe| layer.layer(probe), in_flight).await;
}

#[tokio::test(start_paused = true)]
async fn under_load_it_refuses_what_it_cannot_work_on() {
    let layer = layer();
    for _ in 0..10 {
        let slow = service_fn(|()| async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok::<_, Broken>(())
        });
        layer.layer(slow).oneshot(()).await.expect("answered");
    }
    layer.shared().core.feed(0.95, now());
    let probe = Probe::with_slots(2);
    let (_, waker) = Woken::new();
    let mut service = layer.layer(probe.clone());
    let mut first = Box::pin(service.ready().await.expect("ready").call(Act::Hold));
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let error = service.clone().oneshot(Act::Succeed).await.expect_err("one at a time");
    let refused = error.refusal().expect("it is refused").refused;
    assert_eq!(
        (refused.cause, refused.retry_after, probe.calls()),
        (Cause::Overloaded, Some(Duration::from_secs(1)), 1)
    );
    drop(first);
    assert!(service.oneshot(Act::Succeed).await.is_ok());
    assert_eq!(layer.shared().core.in_flight(), 0);
}

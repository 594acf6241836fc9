use std::pin::pin;

use tower::{Layer as _, Service as _, ServiceExt};

use super::*;
use crate::layer::now;
use crate::layer::probe::{Act, Probe, check_contract};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    let layer = Layer::new("timeout", SECOND).expect("a valid layer");
    check_contract(|probe| layer.layer(probe), || 0).await;
}

#[test]
fn no_time_at_all_is_refused_by_name() {
    let error = Layer::new("timeout", Duration::ZERO).expect_err("no time at all");
    assert_eq!(error.field, "timeout.request");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_longer_is_stopped_and_holds_nothing_from_then_on() {
    let (probe, begin) = (Probe::with_slots(1), now());
    let mut service = Layer::new("timeout", SECOND)
        .expect("a valid layer")
        .layer(probe.clone());
    let mut call = pin!(service.ready().await.expect("a free slot").call(Act::Hold));
    let error = call.as_mut().await.expect_err("it is stopped");
    assert_eq!((now() - begin, probe.free()), (SECOND, 1));
    let Error::Stopped(stopped) = error else {
        panic!("{error}")
    };
    assert_eq!(stopped.0.refused.cause, nines_model::Cause::UpstreamTimeout);
}

/// tower's timeout is one for all requests.
#[tokio::test(start_paused = true)]
async fn tower_798_each_request_has_its_own_timeout() {
    let limit = |act: &Act| (*act == Act::Hold).then_some(3 * SECOND);
    let layer = Layer::per_request("timeout", limit);
    let begin = now();
    let held = layer.layer(Probe::with_slots(1)).oneshot(Act::Hold).await;
    assert!(held.is_err());
    assert_eq!(now() - begin, 3 * SECOND);
    let without = layer.layer(Probe::with_slots(1)).oneshot(Act::Succeed).await;
    assert!(without.is_ok());
}

#[test]
fn an_answer_at_once_needs_no_timer() {
    let layer = Layer::new("timeout", SECOND).expect("a valid layer");
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime without time");
    let answer = runtime.block_on(layer.layer(Probe::with_slots(1)).oneshot(Act::Succeed));
    assert!(answer.is_ok());
}

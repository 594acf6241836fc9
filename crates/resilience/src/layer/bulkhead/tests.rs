use std::future::Future as _;
use std::pin::pin;
use std::time::Duration;

use nines_model::Cause;
use tower::{Layer as _, Service as _, ServiceExt};

use super::*;
use crate::deadline::{self, Deadline};
use crate::layer::probe::{Act, Answer, Probe, Woken, check_contract, exhaust_budget};
use crate::layer::{Plain, now};

const SECOND: Duration = Duration::from_secs(1);

fn layer(full: Full, max_in_flight: u32, max_queue: u32) -> Layer<Plain> {
    let config = Config {
        max_in_flight,
        max_queue,
        max_wait: SECOND,
    };
    Layer::with("callee".into(), config, full, Plain::default()).expect("a valid layer")
}

const ALL: [Full; 3] = [Full::Reject, Full::Queue, Full::Backpressure];

fn in_flight(layer: &Layer<Plain>) -> u64 {
    u64::from(layer.shared().core.in_flight() + layer.shared().core.queued())
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    for full in ALL {
        let layer = layer(full, 4, 4);
        check_contract(|probe| layer.layer(probe), || in_flight(&layer)).await;
    }
}

/// One place, taken by a call that is held. Then there is none.
fn taken(full: Full) -> (Layer<Plain>, Probe) {
    let max_queue = if full == Full::Reject { 0 } else { 1 };
    (layer(full, 1, max_queue), Probe::with_slots(10))
}

/// LoadShed outside of a limit sheds for any pending service, and not just for the limit.
#[tokio::test(start_paused = true)]
async fn tower_793_only_a_full_bulkhead_rejects_and_a_pending_callee_does_not() {
    let (layer, probe) = taken(Full::Reject);
    let mut first = pin!(layer.layer(probe.clone()).oneshot(Act::Hold));
    let (_, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    assert!(first.as_mut().poll(cx).is_pending());
    let error = layer
        .layer(probe.clone())
        .oneshot(Act::Succeed)
        .await
        .expect_err("it is full");
    assert_eq!(
        error.refusal().map(|refusal| refusal.refused.cause),
        Some(Cause::Overloaded)
    );
    let no_slot = Probe::with_slots(0);
    let mut unready = layer.layer(no_slot);
    assert!(
        unready.poll_ready(cx).is_pending(),
        "a callee that is not ready is waited for"
    );
}

/// apollographql/router#9034: tokio's cooperative budget makes a limiter's semaphore pending while permits are free; LoadShed refused then.
#[tokio::test(start_paused = true)]
async fn tower_load_shed_under_cooperative_budget_is_no_overload() {
    for full in ALL {
        let layer = layer(full, 1, 1);
        let mut call = pin!(layer.layer(Probe::with_slots(1).cooperative()).oneshot(Act::Cooperate));
        let mut first = true;
        let answer = std::future::poll_fn(|cx| {
            if std::mem::take(&mut first) {
                exhaust_budget(cx);
            }
            call.as_mut().poll(cx)
        });
        assert_eq!(answer.await.expect("there is room"), Answer(1), "{full:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_queued_call_goes_when_a_place_is_free_and_holds_nothing_of_the_callee_till_then() {
    let (layer, probe) = taken(Full::Queue);
    let (_, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    let mut first = Box::pin(layer.layer(probe.clone()).oneshot(Act::Hold));
    assert!(first.as_mut().poll(cx).is_pending());
    let mut service = layer.layer(probe.clone());
    let mut second = pin!(service.ready().await.expect("the callee is ready").call(Act::Succeed));
    assert!(second.as_mut().poll(cx).is_pending());
    let (woken, waker) = Woken::new();
    assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(
        (probe.free(), layer.shared().core.queued()),
        (9, 1),
        "only the first holds a slot"
    );
    let third = layer.layer(probe.clone()).oneshot(Act::Succeed).await;
    let refused = third.expect_err("the queue is full");
    assert_eq!(
        refused.refusal().map(|refusal| refusal.refused.cause),
        Some(Cause::Overloaded)
    );
    assert_eq!(woken.count(), 0);
    drop(first);
    assert!(woken.count() > 0, "the free place wakes who waits");
    assert!(second.await.is_ok());
    assert_eq!((probe.free(), in_flight(&layer), probe.unready_calls()), (10, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_queued_call_is_refused_after_its_longest_wait_or_at_its_deadline() {
    let (layer, probe) = taken(Full::Queue);
    let (_, waker) = Woken::new();
    let mut first = pin!(layer.layer(probe.clone()).oneshot(Act::Hold));
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    for (deadline, waits) in [(10 * SECOND, SECOND), (SECOND / 4, SECOND / 4)] {
        let begin = now();
        let call = layer.layer(probe.clone()).oneshot(Act::Succeed);
        let call = deadline::scope(Deadline::after(deadline, begin), call);
        let error = tokio::time::timeout(3600 * SECOND, call)
            .await
            .expect("it waits no longer");
        let error = error.expect_err("nobody leaves");
        assert!(error.refusal().is_some(), "{error}");
        assert_eq!(now() - begin, waits);
        assert_eq!((layer.shared().core.queued(), probe.free()), (0, 9));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_in_the_queue_leaves_it() {
    let (layer, probe) = taken(Full::Queue);
    let (_, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    let mut first = pin!(layer.layer(probe.clone()).oneshot(Act::Hold));
    assert!(first.as_mut().poll(cx).is_pending());
    {
        let mut second = pin!(layer.layer(probe.clone()).oneshot(Act::Succeed));
        assert!(second.as_mut().poll(cx).is_pending());
        assert_eq!(layer.shared().core.queued(), 1);
    }
    assert_eq!((layer.shared().core.queued(), layer.shared().core.in_flight()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn backpressure_is_readiness_and_a_dropped_clone_passes_it_on() {
    let (layer, probe) = taken(Full::Backpressure);
    let (woken, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    let (mut first, mut second) = (layer.layer(probe.clone()), layer.layer(probe.clone()));
    assert!(first.poll_ready(cx).is_ready());
    assert!(second.poll_ready(cx).is_pending());
    assert_eq!((layer.shared().core.in_flight(), layer.shared().core.queued()), (1, 1));
    let mut cloned = first.clone();
    drop(first);
    assert!(woken.count() > 0, "the free place wakes who waits");
    assert!(
        cloned.poll_ready(cx).is_pending(),
        "the place is the second's, who waited"
    );
    assert!(second.poll_ready(cx).is_ready());
    assert!(second.call(Act::Succeed).await.is_ok());
    assert!(cloned.poll_ready(cx).is_ready());
    drop((cloned, second));
    assert_eq!(in_flight(&layer), 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_queue_refuses_under_backpressure_is_told_in_the_call() {
    let (layer, probe) = taken(Full::Backpressure);
    let mut first = layer.layer(probe.clone());
    first.ready().await.expect("there is room");
    let (_, waker) = Woken::new();
    let mut second = layer.layer(probe.clone());
    assert!(
        second.poll_ready(&mut Context::from_waker(&waker)).is_pending(),
        "it waits"
    );
    let mut third = layer.layer(probe.clone());
    let ready = third.ready().await.expect("a refusal is no failure of the service");
    let error = ready.call(Act::Succeed).await.expect_err("the queue is full");
    assert_eq!(
        error.refusal().map(|refusal| refusal.refused.cause),
        Some(Cause::Overloaded)
    );
    drop((first, second));
    let ready = third.ready().await.expect("there is room again");
    assert!(ready.call(Act::Succeed).await.is_ok());
}

#[test]
fn a_queue_of_nobody_is_refused_by_name() {
    let config = Config::default();
    for make in [Layer::queue, Layer::backpressure] {
        let error = make("callee", config, Plain::default()).expect_err("nobody can wait");
        assert_eq!(
            error.to_string(),
            "bulkhead.maxQueue is 0, but must be at least 1 where calls wait"
        );
    }
    assert!(Layer::reject("callee", config, Plain::default()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_gives_its_place_back_before_its_future_is_dropped_or_with_it() {
    for (full, act) in [(Full::Queue, Act::PanicInCall), (Full::Queue, Act::PanicInPoll)] {
        let (layer, probe) = taken(full);
        let (_, waker) = Woken::new();
        let cx = &mut Context::from_waker(&waker);
        let mut first = Box::pin(layer.layer(probe.clone()).oneshot(Act::Hold));
        assert!(first.as_mut().poll(cx).is_pending());
        let guarded = crate::layer::panic::Layer::new("panic").layer(layer.layer(probe.clone()));
        let mut second = Box::pin(guarded.oneshot(act));
        assert!(second.as_mut().poll(cx).is_pending(), "it is queued");
        drop(first);
        assert!(second.await.is_err(), "it panicked in its turn");
        assert_eq!((in_flight(&layer), probe.free()), (0, 10));
    }
}

mod mishaps;
mod shed;

use std::future::{Future as _, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;
use std::time::Duration;

use nines_model::Cause;
use tower::{Layer as _, Service as _, ServiceExt, service_fn};

use super::*;
use crate::deadline::Deadline;
use crate::layer::probe::{Act, Answer, Broken, Probe, Woken, check_contract};
use crate::layer::{Http, Idempotent, Plain};
use crate::policy::vector;
use crate::retry::GiveUp;

/// The configuration of a policy of these sections.
fn config(sections: &str) -> Config {
    let text = format!("vectors: [{{name: a, says: a, policy: {{{sections}}}, steps: []}}]");
    let file = vector::File::read(&text, "test").unwrap_or_else(|bad| panic!("{bad}"));
    Config::try_from(&file.vectors[0].policy().expect("a policy")).expect("a valid policy")
}

fn layer(sections: &str) -> Layer<Plain> {
    Layer::new("test", config(sections), Plain::IDEMPOTENT).expect("a valid layer")
}

fn in_flight(layer: &Layer<Plain>) -> u64 {
    layer.governor(|governor| governor.snapshot(now()).in_flight())
}

/// Everything at once, wide enough to let all calls of the contract through.
const EVERYTHING: &str = "timeout: {request: 10h, attempt: 5h}, retry: {attempts: 1, budget: {minPerSecond: 1000}}, \
    hedge: {minDelay: 1s, minSamples: 1}, throttle: {}, breaker: {windowCalls: 1000, minCalls: 900}, \
    bulkhead: {maxInFlight: 100, maxQueue: 10}, concurrency: {min: 100, max: 200}, shed: {}, \
    rateLimits: [{rate: 100000/s}, {rate: 1000/s, burst: 1000, key: clientIp}, {algorithm: slidingLog, rate: 1000/h}]";

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    for sections in ["", "mode: shadow", "mode: off", EVERYTHING] {
        let layer = layer(sections);
        check_contract(|probe| layer.layer(probe), || in_flight(&layer)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_goes_to_a_service_that_is_ready_and_holds_one_slot() {
    let probe = Probe::with_slots(1);
    let answer = layer("").layer(probe.clone()).oneshot(Act::FailFirst(2)).await;
    assert_eq!(answer.expect("the third attempt succeeds"), Answer(3));
    assert_eq!((probe.calls(), probe.unready_calls(), probe.free()), (3, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_final_error_tells_of_every_attempt() {
    let probe = Probe::with_slots(1);
    let error = layer("")
        .layer(probe.clone())
        .oneshot(Act::Fail)
        .await
        .expect_err("it fails");
    let Error::GaveUp(gave_up) = error else {
        panic!("{error}")
    };
    assert_eq!((gave_up.error, gave_up.reason), (Broken, GiveUp::Exhausted));
    let texts: Vec<&str> = gave_up.history.iter().map(|attempt| &*attempt.text).collect();
    assert_eq!(texts, ["broken"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_holds_no_slot_of_the_inner_service() {
    let layer = layer("bulkhead: {maxInFlight: 1, maxQueue: 1, maxWait: 1m}");
    let probe = Probe::with_slots(2);
    let (_, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    let mut service = layer.layer(probe.clone());
    let mut first = Box::pin(service.ready().await.expect("ready").call(Act::Hold));
    assert!(first.as_mut().poll(cx).is_pending());
    let mut second = Box::pin(service.ready().await.expect("ready").call(Act::Succeed));
    assert!(second.as_mut().poll(cx).is_pending());
    assert_eq!((probe.free(), in_flight(&layer)), (1, 1));
    drop(first);
    assert_eq!(second.await.expect("its turn has come"), Answer(2));
    assert_eq!(in_flight(&layer), 0);
}

/// tower#764, axum#3682: a limit that each clone counts for itself is none.
#[tokio::test(start_paused = true)]
async fn axum_3682_clones_share_one_limit() {
    let layer = layer("rateLimits: [{rate: 5/s, burst: 5}]");
    let probe = Probe::with_slots(2000);
    let mut passed = 0;
    for _ in 0..1500 {
        let service = layer.layer(probe.clone()).clone();
        passed += usize::from(service.oneshot(Act::Succeed).await.is_ok());
    }
    assert_eq!((passed, probe.calls()), (5, 5));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_inner_service_counts_as_its_failure() {
    let layer = layer("breaker: {consecutiveFailures: 3}");
    for act in [Act::PanicInCall, Act::PanicInPoll, Act::PanicInPoll] {
        let mut service = layer.layer(Probe::with_slots(1));
        service.ready().await.expect("ready");
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut call = Box::pin(service.call(act));
            call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
        }));
        assert!(ended.is_err(), "{act:?} unwinds");
    }
    let error = layer.layer(Probe::with_slots(1)).oneshot(Act::Succeed).await;
    let error = error.expect_err("the breaker is open");
    assert_eq!(
        error.refusal().map(|refusal| refusal.refused.cause),
        Some(Cause::BreakerOpen)
    );
    assert_eq!(in_flight(&layer), 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_acts_at_once_and_leaves_calls_under_way_alone() {
    let layer = layer("bulkhead: {maxInFlight: 1}");
    let probe = Probe::with_slots(10);
    let (_, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    let mut service = layer.layer(probe.clone());
    let mut first = Box::pin(service.ready().await.expect("ready").call(Act::Hold));
    assert!(first.as_mut().poll(cx).is_pending());
    let refused = service.clone().oneshot(Act::Succeed).await.expect_err("no place");
    assert_eq!(
        refused.refusal().map(|refusal| refusal.refused.cause),
        Some(Cause::Overloaded)
    );
    layer
        .change(config("bulkhead: {maxInFlight: 2}"))
        .expect("a valid change");
    assert!(
        service.clone().oneshot(Act::Succeed).await.is_ok(),
        "there is a second place"
    );
    layer.change(config("")).expect("a valid change");
    probe.finish();
    assert!(first.await.is_ok());
    layer
        .change(config("bulkhead: {maxInFlight: 1}"))
        .expect("a valid change");
    assert_eq!(in_flight(&layer), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_tell_of_the_limit_that_has_least_left_if_asked_to() {
    let limits =
        "rateLimits: [{rate: 100/m, burst: 100}, {rate: 10/m, algorithm: fixedWindow}, {mode: shadow, rate: 1/h}]";
    let callee = service_fn(|_: http::Request<()>| std::future::ready(Ok::<_, Broken>(http::Response::new(()))));
    let fields = async |layer: &Layer<Http>| {
        let response = layer
            .layer(callee)
            .oneshot(http::Request::new(()))
            .await
            .expect("an answer");
        let field = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().expect("text").to_owned())
        };
        (field("ratelimit-policy"), field("ratelimit"))
    };
    let quiet = Layer::new("shop/orders", config(limits), Http::new()).expect("a valid layer");
    assert_eq!(fields(&quiet).await, (None, None));
    let telling = quiet.telling();
    telling.change(config(limits)).expect("the same policy");
    let (policy, standing) = fields(&telling).await;
    assert_eq!(policy.as_deref(), Some("\"shop/orders\";q=10"));
    let standing = standing.expect("what is left");
    assert!(standing.starts_with("\"shop/orders\";r=8;t="), "{standing}");
}

/// The cores are as the policy in force says, whoever came last.
#[test]
fn changes_at_the_same_time_do_not_mix() {
    let layer = layer("bulkhead: {maxInFlight: 1}");
    let configs = [1, 2].map(|most| config(&format!("bulkhead: {{maxInFlight: {most}}}")));
    let start = std::sync::Barrier::new(configs.len());
    for _ in 0..500 {
        std::thread::scope(|scope| {
            for config in &configs {
                scope.spawn(|| {
                    start.wait();
                    layer.change(config.clone()).expect("a valid policy");
                });
            }
        });
        layer.governor(|governor| {
            let said = governor.config().bulkhead.as_ref().expect("a bulkhead").config;
            let core = governor.snapshot(now()).bulkhead.expect("a bulkhead");
            assert_eq!(core.max_in_flight, said.max_in_flight);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_change_changes_nothing() {
    let layer = layer("rateLimits: [{rate: 1/h, burst: 1}]");
    let mut bad = config("");
    bad.retry.attempts = 11;
    let error = layer.change(bad).expect_err("too many attempts");
    assert_eq!(error.field, "retry.attempts");
    let probe = Probe::with_slots(2);
    assert!(layer.layer(probe.clone()).oneshot(Act::Succeed).await.is_ok());
    assert!(
        layer.layer(probe).oneshot(Act::Succeed).await.is_err(),
        "the limit still holds"
    );
}

#[tokio::test(start_paused = true)]
async fn the_next_hop_is_told_deadline_and_attempt() {
    let calls = AtomicU32::new(0);
    let seen = parking_lot::Mutex::new(Vec::new());
    let inner = service_fn(|request: http::Request<()>| {
        let header = |name: &str| {
            request
                .headers()
                .get(name)
                .map(|value| value.to_str().expect("text").to_owned())
        };
        seen.lock().push((
            header("x-nines-timeout-ms"),
            header("x-nines-attempt"),
            deadline_now().is_some(),
        ));
        let status = if calls.fetch_add(1, Ordering::SeqCst) == 0 {
            503
        } else {
            200
        };
        std::future::ready(Ok::<_, Broken>(
            http::Response::builder().status(status).body(()).expect("a response"),
        ))
    });
    let config = config("timeout: {request: 1s}, retry: {backoff: {base: 1ms, max: 1ms}}");
    let layer = Layer::new("test", config, Http::cloning()).expect("a valid layer");
    let mut request = http::Request::new(());
    request
        .headers_mut()
        .insert("x-nines-timeout-ms", "500".parse().expect("a value"));
    let response = layer
        .layer(inner)
        .oneshot(request)
        .await
        .expect("the second attempt succeeds");
    assert_eq!(response.status(), 200);
    let history: &crate::retry::History = response.extensions().get().expect("what led to it");
    assert_eq!(history.count(), 1);
    let seen = seen.into_inner();
    assert_eq!(seen[0], (Some("500".into()), None, true));
    assert_eq!((seen[1].1.as_deref(), seen.len()), (Some("2"), 2));
}

fn deadline_now() -> Option<Deadline> {
    crate::deadline::current()
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_cannot_be_read_is_the_callers_mistake() {
    let layer = Layer::new("test", Config::default(), Http::new()).expect("a valid layer");
    let inner = service_fn(|_: http::Request<()>| std::future::ready(Ok::<_, Broken>(http::Response::new(()))));
    let mut request = http::Request::new(());
    request
        .headers_mut()
        .insert("x-nines-timeout-ms", "soon".parse().expect("a value"));
    let error = layer
        .layer(inner)
        .oneshot(request)
        .await
        .expect_err("it cannot be read");
    assert!(matches!(error, Error::Malformed(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_extension_decides_what_is_idempotent() {
    let calls = AtomicU32::new(0);
    let inner = service_fn(|_: http::Request<()>| {
        calls.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok::<_, Broken>(
            http::Response::builder().status(503).body(()).expect("a response"),
        ))
    });
    let layer = Layer::new("test", Config::default(), Http::cloning()).expect("a valid layer");
    for (idempotent, attempts) in [(false, 1), (true, 3)] {
        calls.store(0, Ordering::SeqCst);
        let mut request = http::Request::new(());
        request.extensions_mut().insert(Idempotent(idempotent));
        let response = layer.layer(inner).oneshot(request).await.expect("the last answer");
        assert_eq!(
            (response.status().as_u16(), calls.load(Ordering::SeqCst)),
            (503, attempts)
        );
    }
}

/// A hedge is not sent to an inner service that has no room for it, and holds no room either.
#[tokio::test(start_paused = true)]
async fn a_hedge_needs_room() {
    for (slots, calls) in [(1, 1), (2, 2)] {
        let layer =
            layer("hedge: {minDelay: 10ms, maxDelay: 10ms, minSamples: 1}, retry: {budget: {minPerSecond: 100}}");
        let warm = Probe::with_slots(1);
        assert!(layer.layer(warm).oneshot(Act::Succeed).await.is_ok());
        tokio::time::advance(Duration::from_secs(2)).await;
        let probe = Probe::with_slots(slots);
        let mut call = pin!(layer.layer(probe.clone()).oneshot(Act::Hold));
        let waited = tokio::time::timeout(Duration::from_millis(50), call.as_mut()).await;
        assert!(waited.is_err(), "the call is held");
        assert_eq!((probe.calls(), probe.free()), (calls, 0), "{slots} slots");
        probe.finish();
        assert!(call.await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_used_up_budget_of_tokio_stops_nothing_and_times_out_all_the_same() {
    let layer = layer("timeout: {request: 1s}, retry: {attempts: 0}");
    let call = layer.layer(service_fn(|(): ()| {
        poll_fn(|cx| {
            crate::layer::probe::exhaust_budget(cx);
            Poll::<Result<(), Broken>>::Pending
        })
    }));
    let mut call = pin!(call.oneshot(()));
    let once = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending()));
    assert!(once.await);
    tokio::time::advance(Duration::from_secs(1)).await;
    let ended = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
    assert!(
        matches!(ended, Poll::Ready(Err(Error::Stopped(_)))),
        "the deadline ends it: {ended:?}"
    );
}

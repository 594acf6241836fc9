use std::convert::Infallible;
use std::future::{Future as _, ready};
use std::num::NonZeroU32;
use std::pin::pin;

use http::{HeaderName, Request, Response};
use tower::{Layer as _, Service as _, ServiceExt, service_fn};

use super::*;
use crate::deadline as cores;
use crate::layer::probe::{Act, Answer, Probe, Woken, check_contract};
use crate::layer::{Http, Plain};
use crate::limit::Algorithm;

const SECOND: Duration = Duration::from_secs(1);

fn quota(algorithm: Algorithm, per_second: u32) -> Quota {
    let requests = NonZeroU32::new(per_second).expect("from 1");
    Quota {
        algorithm,
        requests,
        per: SECOND,
        burst: if algorithm == Algorithm::LeakyBucket {
            NonZeroU32::MIN
        } else {
            requests
        },
        max_wait: if algorithm == Algorithm::LeakyBucket {
            SECOND
        } else {
            Duration::ZERO
        },
    }
}

fn layer(algorithm: Algorithm, per_second: u32) -> Layer<Single, Plain> {
    Layer::new("limit", quota(algorithm, per_second), Plain::default()).expect("a valid layer")
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::SlidingWindow, Algorithm::SlidingLog] {
        let layer = layer(algorithm, 1000);
        check_contract(|probe| layer.layer(probe), || 0).await;
    }
    let by = |act: &Act| Some(*act);
    let capacity = NonZeroUsize::new(100).expect("over 0");
    let quota = quota(Algorithm::TokenBucket, 1000);
    let keyed = Layer::keyed_by("limit", quota, capacity, by, Plain::default()).expect("a valid layer");
    check_contract(|probe| keyed.layer(probe), || 0).await;
}

/// The limit was kept in the service, and each clone got its own.
#[tokio::test(start_paused = true)]
async fn tower_764_clones_and_connections_share_one_limit() {
    let layer = layer(Algorithm::TokenBucket, 5);
    let per_connection = layer.layer(Probe::with_slots(1));
    let mut granted = 0;
    for _ in 0..100 {
        granted += u32::from(per_connection.clone().oneshot(Act::Succeed).await.is_ok());
        granted += u32::from(layer.layer(Probe::with_slots(1)).oneshot(Act::Succeed).await.is_ok());
    }
    assert_eq!(granted, 5);
}

/// The Buffer that made tower's limit cloneable erased the error.
#[tokio::test(start_paused = true)]
async fn tower_794_the_service_is_cloneable_and_the_error_keeps_its_type() {
    let service = layer(Algorithm::TokenBucket, 1).layer(Probe::with_slots(1));
    let first: Result<Answer, Error<crate::layer::probe::Broken>> = service.clone().oneshot(Act::Fail).await;
    assert_eq!(first, Err(Error::Inner(crate::layer::probe::Broken)));
    let second = service.oneshot(Act::Fail).await;
    let refused = second
        .expect_err("it is over the limit")
        .refusal()
        .expect("a refusal")
        .refused;
    assert_eq!(refused.cause, Cause::RateLimited);
    assert!(refused.retry_after.is_some_and(|after| after <= SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_lets_the_inner_readiness_go() {
    let layer = layer(Algorithm::TokenBucket, 1);
    layer
        .layer(Probe::with_slots(1))
        .oneshot(Act::Succeed)
        .await
        .expect("the first");
    let probe = Probe::with_slots(1);
    let mut service = layer.layer(probe.clone());
    let call = service.ready().await.expect("a free slot").call(Act::Succeed);
    assert_eq!(probe.free(), 1, "the slot is free although the service lives on");
    assert!(call.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract_while_calls_wait_for_their_turns() {
    let layer = layer(Algorithm::LeakyBucket, 100);
    layer
        .layer(Probe::with_slots(1))
        .oneshot(Act::Succeed)
        .await
        .expect("the first goes at once");
    check_contract(|probe| layer.layer(probe), || 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_leaky_bucket_spaces_calls_and_holds_nothing_while_they_wait() {
    let layer = layer(Algorithm::LeakyBucket, 10);
    let probe = Probe::with_slots(1);
    let (begin, (woken, waker)) = (now(), Woken::new());
    let cx = &mut Context::from_waker(&waker);
    layer
        .layer(probe.clone())
        .oneshot(Act::Succeed)
        .await
        .expect("the first goes at once");
    let mut service = layer.layer(probe.clone());
    let mut second = pin!(service.ready().await.expect("a free slot").call(Act::Succeed));
    assert!(second.as_mut().poll(cx).is_pending());
    assert_eq!((probe.free(), woken.count()), (1, 0), "it waits and holds nothing");
    assert!(second.await.is_ok());
    let waited = (now() - begin).as_millis();
    assert!((100..=101).contains(&waited), "{waited} ms");
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_is_refused_at_once() {
    let layer = layer(Algorithm::LeakyBucket, 10);
    layer
        .layer(Probe::with_slots(1))
        .oneshot(Act::Succeed)
        .await
        .expect("the first goes at once");
    let begin = now();
    let call = layer.layer(Probe::with_slots(1)).oneshot(Act::Succeed);
    let error = cores::scope(Deadline::after(SECOND / 20, begin), call).await;
    let error = error.expect_err("its turn is too late");
    assert_eq!(
        error.refusal().map(|refusal| refusal.refused.cause),
        Some(Cause::RateLimited)
    );
    assert_eq!(now(), begin);
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_limit_and_requests_without_one_share_theirs() {
    let by = KeyBy::Header(HeaderName::from_static("x-tenant"));
    let capacity = NonZeroUsize::new(100).expect("over 0");
    let layer = Layer::keyed("tenant", quota(Algorithm::TokenBucket, 2), capacity, by, Http::new());
    let layer = layer.expect("a valid layer").telling();
    let callee = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(()))));
    let service = layer.layer(callee);
    let granted = async |tenant: Option<&'static str>| {
        let mut granted = 0;
        for _ in 0..5 {
            let mut request = Request::new(());
            if let Some(tenant) = tenant {
                let tenant = http::HeaderValue::from_static(tenant);
                request.headers_mut().insert("x-tenant", tenant);
            }
            granted += u32::from(service.clone().oneshot(request).await.is_ok());
        }
        granted
    };
    assert_eq!(granted(Some("blue")).await, 2);
    assert_eq!(granted(Some("green")).await, 2);
    assert_eq!(granted(Some("blue")).await, 0);
    assert_eq!((granted(None).await, granted(None).await), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn answers_tell_of_the_limit_if_they_are_to() {
    let quota = quota(Algorithm::TokenBucket, 5);
    for tells in [true, false] {
        let layer = Layer::new("shop/orders", quota, Http::new()).expect("a valid layer");
        let layer = if tells { layer.telling() } else { layer };
        let callee = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(()))));
        let response = layer.layer(callee).oneshot(Request::new(())).await.expect("an answer");
        let told = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().expect("ASCII").to_owned())
        };
        assert_eq!(
            told("ratelimit-policy"),
            tells.then(|| r#""shop/orders";q=5"#.to_owned())
        );
        assert_eq!(
            told("ratelimit").is_some_and(|told| told.starts_with(r#""shop/orders";r=4"#)),
            tells
        );
    }
}

use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt, service_fn};

use super::*;
use crate::fallback::{Degraded, Fallback, LastGood, LastGoodConfig, Source, Why};
use crate::layer::probe::{Act, Answer, Broken, Probe, check_contract};
use crate::layer::{Http, Plain, now, panic};

fn whole<K, V>(sources: Vec<Fallback<K, V>>) -> Chain<K, V>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    Chain::new(sources)
}

fn last_good<K, V>() -> Fallback<K, V>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    Fallback::LastGood(LastGood::new(LastGoodConfig::default(), |_, _| 1, now()).expect("a valid cache"))
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    // Nothing to fall back on, so that failures show.
    let layer = Layer::new(Whole(|act: &Act| *act), whole::<_, Answer>(vec![]), Plain::default());
    check_contract(|probe| layer.layer(probe), || 0).await;
    let cached = Layer::new(
        Whole(|act: &Act| *act),
        whole(vec![last_good::<_, Answer>()]),
        Plain::default(),
    );
    check_contract(|probe| cached.layer(probe), || 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_answered_by_the_last_good_answer_to_the_same_request() {
    let form = Whole(|(key, _): &(u8, bool)| *key);
    let layer = Layer::new(form, whole(vec![last_good()]), Plain::default());
    let callee = service_fn(|(key, good): (u8, bool)| ready(if good { Ok(u32::from(key) * 10) } else { Err(Broken) }));
    let service = layer.layer(callee);
    assert_eq!(
        service.clone().oneshot((1, false)).await,
        Err(Broken),
        "nothing is known yet"
    );
    assert_eq!(service.clone().oneshot((1, true)).await, Ok(10));
    assert_eq!(service.clone().oneshot((1, false)).await, Ok(10));
    assert_eq!(
        service.clone().oneshot((2, false)).await,
        Err(Broken),
        "another request"
    );
    tokio::time::advance(Duration::from_secs(86_400)).await;
    assert_eq!(service.oneshot((1, false)).await, Err(Broken), "it is too old");
}

fn page() -> Fallback<(), Page> {
    Fallback::Static(Page {
        status: StatusCode::OK,
        content_type: Some(HeaderValue::from_static("text/plain")),
        body: "sorry".into(),
    })
}

#[tokio::test]
async fn an_answer_that_is_not_the_callees_is_marked() {
    let layer = Layer::new(Pages, whole(vec![page()]), Http::new());
    let with_status = |status: StatusCode| {
        service_fn(move |_: Request<()>| {
            let mut response = Response::new(String::new());
            *response.status_mut() = status;
            ready(Ok::<_, Infallible>(response))
        })
    };
    for (status, falls_back) in [(200, false), (404, false), (429, true), (500, true), (503, true)] {
        let callee = with_status(StatusCode::from_u16(status).expect("a status"));
        let response = layer.layer(callee).oneshot(Request::new(())).await.expect("an answer");
        let mark = Degraded::of(response.extensions()).map(|mark| (mark.source, mark.why));
        assert_eq!(mark, falls_back.then_some((Source::Static, Why::Failed)), "{status}");
        assert_eq!(response.headers().contains_key("x-nines-degraded"), falls_back);
        assert_eq!(response.body() == "sorry", falls_back);
    }
}

#[tokio::test]
async fn what_a_layer_inside_refused_falls_back_with_its_cause() {
    let layer = Layer::new(Pages, whole(vec![page()]), Http::new());
    let panics = service_fn(|_: Request<()>| async { panic!("out of order") });
    let panics = service_fn(move |request: Request<()>| {
        let panics = panics;
        async move { panics.oneshot(request).await.map(|()| Response::new(String::new())) }
    });
    let inner = tower::ServiceBuilder::new()
        .layer(panic::Layer::new("panic"))
        .service(panics);
    let inner = inner.map_err(|error: crate::layer::Error<Infallible>| error);
    let response = layer.layer(inner).oneshot(Request::new(())).await.expect("the page");
    let mark = Degraded::of(response.extensions()).expect("it is marked");
    assert_eq!(mark.why, Why::Refused(nines_model::Cause::Internal));
}

#[tokio::test]
async fn another_callee_is_asked_and_what_comes_after_it_if_it_fails_too() {
    let chain = || whole(vec![Fallback::Alternative, Fallback::Static(99)]);
    let key = Whole(|_: &u8| ());
    let failing = service_fn(|_: u8| ready(Err::<u32, _>(Broken)));
    let asked = AtomicU32::new(0);
    let other = service_fn(|n: u8| {
        asked.fetch_add(1, Relaxed);
        ready(if n == 7 { Ok(70) } else { Err(Broken) })
    });
    let layer = Layer::new(key, chain(), Plain::default()).with_alternative(other);
    assert_eq!(layer.layer(failing).oneshot(7).await, Ok(70));
    assert_eq!(layer.layer(failing).oneshot(8).await, Ok(99));
    assert_eq!(asked.load(Relaxed), 2);
    let alone = Layer::new(key, chain(), Plain::default());
    assert_eq!(alone.layer(failing).oneshot(7).await, Ok(99), "there is nobody to ask");
}

#[tokio::test]
async fn the_other_callee_is_driven_ready_before_it_is_called() {
    let other = Probe::with_slots(1);
    let failing = service_fn(|_: Act| ready(Err::<Answer, _>(Broken)));
    let chain = whole(vec![Fallback::Alternative]);
    let layer = Layer::new(Whole(|_: &Act| ()), chain, Plain::default()).with_alternative(other.clone());
    assert_eq!(layer.layer(failing).oneshot(Act::Succeed).await, Ok(Answer(1)));
    assert_eq!((other.unready_calls(), other.free()), (0, 1));
}

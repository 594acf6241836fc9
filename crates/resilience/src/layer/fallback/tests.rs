use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt, service_fn};

use super::*;
use crate::deadline::Deadline;
use crate::fallback::{Degraded, Fallback, LastGood, LastGoodConfig, Source, Why};
use crate::layer::probe::{Act, Answer, Broken, Probe, check_contract};
use crate::layer::{Cloned, Http, Plain, bulkhead, deadline, now, panic};

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
    let layer = Layer::new(key, chain(), Plain::IDEMPOTENT).with_alternative(other);
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
    let layer = Layer::new(Whole(|_: &Act| ()), chain, Plain::IDEMPOTENT).with_alternative(other.clone());
    assert_eq!(layer.layer(failing).oneshot(Act::Succeed).await, Ok(Answer(1)));
    assert_eq!((other.unready_calls(), other.free()), (0, 1));
}

type Beside<F, A> = Layer<Whole<F>, (), Response<u8>, Http<Cloned>, Other<A>>;

/// A fallback to `other`, and a fixed page where that says nothing.
fn beside<A>(other: A) -> Beside<impl Fn(&Request<()>), A> {
    let chain = whole(vec![Fallback::Alternative, Fallback::Static(Response::new(0))]);
    Layer::new(Whole(|_: &Request<()>| ()), chain, Http::cloning()).with_alternative(other)
}

#[tokio::test(start_paused = true)]
async fn another_callee_is_asked_only_for_what_may_be_made_twice() {
    let other = service_fn(|_: Request<()>| ready(Ok::<_, Broken>(Response::new(7))));
    let answer = async |method: Method, status: u16| {
        let callee = service_fn(move |_: Request<()>| {
            let response = Response::builder().status(status).body(1);
            ready(Ok::<_, Broken>(response.expect("a response")))
        });
        let mut request = Request::new(());
        *request.method_mut() = method;
        let response = beside(other).layer(callee).oneshot(request).await;
        response.expect("an answer").into_body()
    };
    assert_eq!(answer(Method::GET, 503).await, 7);
    assert_eq!(answer(Method::POST, 503).await, 0, "it may have been processed");
    assert_eq!(answer(Method::POST, 429).await, 7, "it was not");
    assert_eq!(answer(Method::GET, 500).await, 0, "it would fail the same way again");
    let full = crate::bulkhead::Config {
        max_in_flight: 1,
        ..Default::default()
    };
    let full = bulkhead::Layer::reject("full", full, Http::new()).expect("a valid layer");
    let _taken = full.shared().core.try_enter().expect("it is empty");
    let callee = service_fn(|_: Request<()>| ready(Ok::<_, Broken>(Response::new(1))));
    let post = Request::post("/").body(()).expect("a request");
    let response = beside(other.map_err(|_| Broken))
        .layer(full.layer(callee))
        .oneshot(post)
        .await;
    assert_eq!(
        response.expect("an answer").into_body(),
        7,
        "it was refused before it was sent"
    );
}

/// The caller's time is not spent twice.
#[tokio::test(start_paused = true)]
async fn another_callee_is_asked_until_the_deadline() {
    let told = parking_lot::Mutex::new(Vec::new());
    let other = service_fn(|request: Request<()>| {
        let header = request.headers().get("x-nines-timeout-ms").cloned();
        told.lock()
            .push((header, crate::deadline::current(), Deadline::of(request.extensions())));
        std::future::pending::<Result<Response<u8>, Broken>>()
    });
    let failing = |after: u64| {
        service_fn(move |_: Request<()>| async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            Err::<Response<u8>, _>(Broken)
        })
    };
    let (begun, limit) = (now(), Deadline::after(Duration::from_millis(250), now()));
    let request = Request::get("/").header("x-nines-timeout-ms", "250");
    let request = request.body(()).expect("a request");
    let layer = beside(other);
    let response = layer.layer(failing(100)).oneshot(request.clone()).await;
    assert_eq!(response.expect("the page").into_body(), 0);
    assert_eq!(now() - begun, Duration::from_millis(250));
    let left = HeaderValue::from_static("150");
    assert_eq!(*told.lock(), [(Some(left), Some(limit), Some(limit))]);
    let response = layer.layer(failing(250)).oneshot(request).await;
    assert_eq!(response.expect("the page").into_body(), 0);
    assert_eq!(told.lock().len(), 1, "there was no time to ask");
}

#[tokio::test(start_paused = true)]
async fn only_whole_answers_that_are_for_all_are_kept() {
    let kept = async |status: u16, headers: &[(&'static str, &'static str)]| {
        let layer = Layer::new(Whole(|_: &Request<bool>| ()), whole(vec![last_good()]), Http::new());
        let callee = service_fn(|request: Request<bool>| {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            let response = response.body(()).expect("a response");
            ready(if *request.body() { Ok(response) } else { Err(Broken) })
        });
        let good = layer.layer(callee).oneshot(Request::new(true)).await;
        good.expect("an answer");
        layer.layer(callee).oneshot(Request::new(false)).await.is_ok()
    };
    for (status, is_kept) in [
        (200, true),
        (204, true),
        (206, false),
        (304, false),
        (401, false),
        (404, false),
    ] {
        assert_eq!(kept(status, &[]).await, is_kept, "{status}");
    }
    for (name, value, is_kept) in [
        ("cache-control", "public, max-age=60", true),
        ("cache-control", "no-cache", true),
        ("cache-control", "max-age=0, No-Store", false),
        ("cache-control", "private=\"x-a, x-b\"", false),
        ("cache-control", "private", false),
        ("cache-control", "\u{e9}", false),
        ("set-cookie", "session=1", false),
    ] {
        assert_eq!(kept(200, &[(name, value)]).await, is_kept, "{name}: {value}");
    }
}

/// No answer of another kind mends what the request itself says wrong.
#[tokio::test(start_paused = true)]
async fn a_request_at_fault_gets_its_error() {
    let layer = Layer::new(Pages, whole(vec![page()]), Http::new());
    let deadlines = deadline::Layer::new("deadline", deadline::Config::server(), Http::new()).expect("a valid layer");
    let callee = service_fn(|_: Request<()>| ready(Ok::<_, Broken>(Response::new(String::new()))));
    let request = Request::get("/").header("x-nines-timeout-ms", "soon");
    let request = request.body(()).expect("a request");
    let result = layer.layer(deadlines.layer(callee)).oneshot(request).await;
    let error = result.expect_err("the page would hide it");
    assert!(matches!(error, crate::layer::Error::Malformed(_)), "{error:?}");
}

//! What a call comes to when something happens beside it.

use nines_model::policy::Mode;

use super::*;
use crate::layer::{bulkhead, panic};

const MILLI: Duration = Duration::from_millis(1);

/// A hedge after 10 ms, without a first call that must be learnt from.
const HEDGED: &str = "hedge: {minDelay: 10ms, maxDelay: 10ms, minSamples: 1}, timeout: {request: 0s}, \
    retry: {budget: {minPerSecond: 100}}";

/// With the one call behind it that hedges need to know.
async fn hedging(sections: &str) -> Layer<Plain> {
    let layer = layer(sections);
    let warm = layer.layer(Probe::with_slots(1)).oneshot(Act::Succeed).await;
    assert!(warm.is_ok());
    tokio::time::advance(Duration::from_secs(2)).await;
    layer
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_is_refused_inside_leaves_the_first_attempt_alone() {
    let layer = hedging(HEDGED).await;
    let one = bulkhead::Layer::reject(
        "one",
        crate::bulkhead::Config {
            max_in_flight: 1,
            ..Default::default()
        },
        Plain::IDEMPOTENT,
    );
    let slow = service_fn(|_: Act| async {
        tokio::time::sleep(100 * MILLI).await;
        Ok::<_, Broken>(Answer(7))
    });
    let begun = now();
    let answer = layer.layer(one.expect("valid").layer(slow)).oneshot(Act::Succeed).await;
    assert_eq!(
        (answer.expect("the first attempt's"), now() - begun),
        (Answer(7), 100 * MILLI)
    );
}

/// A place in the inner service's queue would be handed to a hedge that is not sent any more.
#[tokio::test(start_paused = true)]
async fn a_hedge_without_room_leaves_the_queue() {
    let layer = hedging(HEDGED).await;
    let callee = tower::ServiceBuilder::new()
        .concurrency_limit(2)
        .service(service_fn(|act: Act| async move {
            let seconds = match act {
                Act::FailFirst(seconds) => seconds as u64,
                _ => 0,
            };
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, Broken>(())
        }));
    let (service, begun) = (layer.layer(callee), now());
    let call = |seconds, after| {
        let service = service.clone();
        async move {
            tokio::time::sleep(after).await;
            service.oneshot(Act::FailFirst(seconds)).await.expect("it answers");
            (now() - begun).as_secs()
        }
    };
    let ended = tokio::join!(
        call(100, Duration::ZERO),
        call(5, Duration::ZERO),
        call(1, MILLI * 1000)
    );
    assert_eq!(ended, (100, 5, 6), "the third has the second's place");
}

/// Waits between attempts were taken for the callee's latency, and the limit collapsed.
#[tokio::test(start_paused = true)]
async fn a_failure_that_waited_for_its_retries_says_nothing_of_latency() {
    let layer = layer(
        "concurrency: {initial: 20}, breaker: {mode: off}, \
         retry: {attempts: 2, backoff: {base: 1s, max: 1s}, budget: {minPerSecond: 10000}}",
    );
    let good = service_fn(|_: Act| async {
        tokio::time::sleep(5 * MILLI).await;
        Ok::<_, Broken>(())
    });
    let bad = service_fn(|_: Act| async {
        tokio::time::sleep(MILLI).await;
        Err::<(), _>(Broken)
    });
    for _ in 0..100 {
        assert!(layer.layer(good).oneshot(Act::Succeed).await.is_ok());
    }
    for _ in 0..30 {
        let mut calls = tokio::task::JoinSet::new();
        (0..10).for_each(|_| drop(calls.spawn(layer.layer(bad).oneshot(Act::Fail))));
        calls.join_all().await;
    }
    let snapshot = layer.governor(|governor| governor.snapshot(now()).concurrency.expect("it has one"));
    assert!(snapshot.limit >= 20, "{snapshot:?}");
    assert!(snapshot.latency < Some(20 * MILLI), "{snapshot:?}");
}

#[tokio::test(start_paused = true)]
async fn the_callees_panic_counts_wherever_it_is_caught() {
    let layer = layer("breaker: {consecutiveFailures: 3}");
    let stack = tower::ServiceBuilder::new()
        .layer(panic::Layer::new("test"))
        .layer(layer.clone());
    for act in [Act::PanicInPoll, Act::PanicInCall, Act::PanicInPoll] {
        let answer = stack.clone().service(Probe::with_slots(1)).oneshot(act).await;
        assert!(answer.is_err());
    }
    let state = layer.governor(|governor| governor.breaker().expect("it has one").state());
    assert_eq!((state, in_flight(&layer)), (crate::breaker::State::Open, 0));
}

#[tokio::test(start_paused = true)]
async fn the_callers_own_panic_says_nothing_of_the_callee() {
    let layer = layer("breaker: {consecutiveFailures: 3}");
    for _ in 0..3 {
        let mut service = layer.layer(Probe::with_slots(1));
        service.ready().await.expect("ready");
        let caller = catch_unwind(AssertUnwindSafe(|| {
            let mut call = Box::pin(service.call(Act::Hold));
            let pending = call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
            assert!(!pending, "the caller's own");
        }));
        assert!(caller.is_err());
    }
    let state = layer.governor(|governor| governor.breaker().expect("it has one").state());
    assert_eq!((state, in_flight(&layer)), (crate::breaker::State::Closed, 0));
}

fn answering(status: impl Fn(u32) -> http::response::Builder) -> (Arc<AtomicU32>, impl Fn(u32) -> http::Response<()>) {
    let number = Arc::new(AtomicU32::new(0));
    (number, move |call| status(call).body(()).expect("a response"))
}

#[tokio::test(start_paused = true)]
async fn an_answer_stands_if_the_next_attempt_is_refused() {
    let sections = "breaker: {consecutiveFailures: 2}, retry: {backoff: {base: 50ms, max: 50ms}}";
    let (calls, answer) = answering(|_| http::Response::builder().status(503));
    let (count, answer) = (calls.clone(), Arc::new(answer));
    let inner = service_fn(move |_: http::Request<()>| {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok::<_, Broken>(answer(0)))
    });
    for _ in 0..20 {
        let layer = Layer::new("test", config(sections), Http::cloning()).expect("a valid layer");
        let call = || layer.layer(inner.clone()).oneshot(http::Request::new(()));
        let (a, b) = tokio::join!(call(), call());
        for answer in [a, b] {
            assert_eq!(answer.expect("the callee's own answer").status(), 503);
        }
    }
    assert!(calls.load(Ordering::SeqCst) >= 40);
}

/// An inner service that is ready at a time, of which clones know nothing.
struct ReadyAt(
    tokio::time::Instant,
    Arc<AtomicU32>,
    Option<Pin<Box<tokio::time::Sleep>>>,
);

impl Clone for ReadyAt {
    fn clone(&self) -> Self {
        Self(self.0, self.1.clone(), None)
    }
}

impl tower::Service<Act> for ReadyAt {
    type Response = ();
    type Error = Broken;
    type Future = std::future::Pending<Result<(), Broken>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let at = self.0;
        let sleep = self.2.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        sleep.as_mut().poll(cx).map(Ok)
    }

    fn call(&mut self, _act: Act) -> Self::Future {
        self.1.fetch_add(1, Ordering::SeqCst);
        std::future::pending()
    }
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_at_its_deadline() {
    let layer =
        layer("timeout: {request: 1s}, rateLimits: [{algorithm: leakyBucket, rate: 10/s, burst: 1, maxWait: 10s}]");
    let calls = Arc::new(AtomicU32::new(0));
    let begun = tokio::time::Instant::now();
    let inner = |at| ReadyAt(at, calls.clone(), None);
    // The first call takes the turn, so that the second waits, and is ready with its deadline.
    let first = tokio::time::timeout(MILLI, layer.layer(inner(begun)).oneshot(Act::Hold)).await;
    assert!(first.is_err() && calls.load(Ordering::SeqCst) == 1);
    let mut service = layer.layer(inner(begun));
    service.ready().await.expect("at once");
    service.inner.0 = tokio::time::Instant::now() + Duration::from_secs(1);
    let late = service.call(Act::Hold).await;
    assert!(matches!(late, Err(Error::Stopped(_))), "{late:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_that_went_away_make_no_call_look_quick() {
    let layer = layer("hedge: {minSamples: 10}");
    for _ in 0..200 {
        let call = layer.layer(Probe::with_slots(1)).oneshot(Act::Hold);
        assert!(tokio::time::timeout(2 * MILLI, call).await.is_err());
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    let hedge = layer.governor(|governor| governor.snapshot(now()).hedge.expect("it has one"));
    assert_eq!(hedge.samples, 0, "{hedge:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_one_attempt_was_told_holds_for_the_call() {
    let layer = Layer::new("test", config(HEDGED), Http::cloning()).expect("a valid layer");
    let (count, begun) = (Arc::new(AtomicU32::new(0)), now());
    let times = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let inner = service_fn(|warm: http::Request<bool>| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        times.lock().push((now() - begun).as_secs());
        async move {
            let answer = http::Response::builder();
            let (wait, answer) = match number {
                _ if *warm.body() => (0, answer),
                1 => (20, answer.status(429).header("retry-after", "5")),
                2 => (30, answer.status(502)),
                _ => (0, answer),
            };
            tokio::time::sleep(wait * MILLI).await;
            Ok::<_, Broken>(answer.body(()).expect("a response"))
        }
    });
    assert!(layer.layer(inner).oneshot(http::Request::new(true)).await.is_ok());
    tokio::time::advance(Duration::from_secs(2)).await;
    let answer = layer.layer(inner).oneshot(http::Request::new(false)).await;
    assert_eq!(answer.expect("the third attempt's").status(), 200);
    assert_eq!(*times.lock(), [0, 2, 2, 7], "the callee asked for 5 s");
}

#[tokio::test(start_paused = true)]
async fn in_shadow_and_off_no_call_is_changed() {
    for mode in ["shadow", "off"] {
        let config = config(&format!("mode: {mode}, fallback: {{status: 200, body: later}}"));
        assert!(config.fallback.is_empty());
        for value in ["soon", "50", "0"] {
            let layer = Layer::new("test", config.clone(), Http::new()).expect("a valid layer");
            let inner = service_fn(|request: http::Request<()>| async move {
                tokio::time::sleep(200 * MILLI).await;
                Ok::<_, Broken>(http::Response::new(request))
            });
            let mut request = http::Request::new(());
            request
                .headers_mut()
                .insert("x-nines-timeout-ms", value.parse().expect("a value"));
            let seen = layer
                .layer(inner)
                .oneshot(request)
                .await
                .expect("it goes through")
                .into_body();
            assert_eq!(
                (seen.headers().len(), seen.headers()["x-nines-timeout-ms"].as_bytes()),
                (1, value.as_bytes()),
                "{mode}"
            );
            assert!(Deadline::of(seen.extensions()).is_none());
            let counted = layer.governor(|governor| governor.counts().get());
            assert_eq!(
                counted.shadow.is_empty(),
                mode == "off" || value != "0",
                "{mode} {value}"
            );
        }
    }
}

/// A shadow that is set by hand holds for every section.
#[test]
fn the_mode_of_the_whole_holds_for_its_sections() {
    let written = config("bulkhead: {maxInFlight: 1}, breaker: {}, rateLimits: [{rate: 1/s}]");
    for mode in [Mode::Shadow, Mode::Off] {
        let config = Config {
            mode,
            ..written.clone()
        };
        let governor = Governor::new("test".into(), config, nines_base::Clock::system().now()).expect("valid");
        let config = governor.config();
        assert!(config.bulkhead.is_none_or(|section| section.shadow));
        assert!(config.breaker.is_none_or(|section| section.shadow));
        assert!(config.rates.iter().all(|section| section.shadow));
    }
}

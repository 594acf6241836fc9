//! Endpoints that do not answer, and who is to blame.

use super::*;

/// Accepts and never answers; counts.
async fn hung(tasks: &Tasks) -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, address) = listen().await;
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    tasks.spawn("hung", async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            kept.push(stream);
        }
    });
    (address, seen)
}

fn seen(count: &AtomicUsize) -> usize {
    count.load(Ordering::SeqCst)
}

/// A call as part of a request whose caller has this much time.
async fn within(millis: u64, client: &Client) -> Result<Response, CallError> {
    let mut headers = HeaderMap::new();
    headers.insert("x-nines-timeout-ms", HeaderValue::from(millis));
    let call = Call::read(&headers, Instant::now());
    call.scope(async { client.get("/").send().await }).await
}

#[tokio::test]
async fn an_endpoint_that_lets_the_whole_time_of_a_call_pass_is_ejected() {
    let tasks = Tasks::new();
    let (_server, alive) = serve(Router::new().route("/", any(|| async { "here" })), &tasks).await;
    let (hung, asked) = hung(&tasks).await;
    let sections = "balance: {algorithm: roundRobin}, outlier: {consecutiveErrors: 3}, timeout: {request: 300ms}";
    let client = governed(&[hung, alive], sections);
    let mut late = 0;
    for _ in 0..40 {
        match client.get("/").send().await {
            Ok(_) => {}
            Err(CallError::Timeout { .. }) => late += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((late, seen(&asked)), (3, 3));
}

#[tokio::test]
async fn the_deadline_of_the_request_that_is_served_has_nobody_ejected() {
    let tasks = Tasks::new();
    let ((a, first), (b, second)) = (hung(&tasks).await, hung(&tasks).await);
    let client = governed(
        &[a, b],
        "balance: {algorithm: roundRobin}, outlier: {consecutiveErrors: 1}",
    );
    for _ in 0..6 {
        let error = within(100, &client).await.expect_err("nobody answers");
        assert!(matches!(error, CallError::Timeout { .. }), "{error}");
    }
    assert_eq!((seen(&first), seen(&second)), (3, 3));
}

#[tokio::test]
async fn an_endpoint_that_keeps_to_the_callers_deadline_is_not_ejected_for_it() {
    let tasks = Tasks::new();
    let keeps = async || {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let answer = any(move || {
            count.fetch_add(1, Ordering::SeqCst);
            std::future::ready((StatusCode::GATEWAY_TIMEOUT, [("x-nines-cause", "deadline_exceeded")]))
        });
        let (server, address) = serve(Router::new().route("/", answer), &tasks).await;
        (server, address, asked)
    };
    let ((_a, a, first), (_b, b, second)) = (keeps().await, keeps().await);
    let client = governed(
        &[a, b],
        "balance: {algorithm: roundRobin}, outlier: {consecutiveErrors: 1}",
    );
    for _ in 0..6 {
        within(5_000, &client).await.expect("an answer");
    }
    assert_eq!((seen(&first), seen(&second)), (3, 3));
    for _ in 0..6 {
        client.get("/").send().await.expect("an answer");
    }
    assert_ne!(seen(&first), seen(&second), "its own 15 s are not over yet");
}

#[tokio::test]
async fn a_call_whose_time_is_over_asks_nobody() {
    let tasks = Tasks::new();
    let (address, asked) = hung(&tasks).await;
    let error = within(0, &client(&[address])).await.expect_err("no time");
    assert!(matches!(error, CallError::Timeout { .. }), "{error}");
    assert_eq!(seen(&asked), 0);
}

#[tokio::test]
async fn an_endpoint_on_which_callers_give_up_is_hardly_asked() {
    let tasks = Tasks::new();
    let (_server, alive) = serve(Router::new().route("/", any(|| async { "here" })), &tasks).await;
    let (hung, asked) = hung(&tasks).await;
    let client = governed(&[hung, alive], "outlier: {consecutiveErrors: 100}");
    for _ in 0..60 {
        drop(tokio::time::timeout(Duration::from_millis(300), client.get("/").send()).await);
    }
    assert!(seen(&asked) <= 5, "{} of 60", seen(&asked));
}

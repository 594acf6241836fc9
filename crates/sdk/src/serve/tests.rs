//! How long a connection is kept, in virtual time.

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use super::*;

const REQUEST: &[u8] = b"GET /slow HTTP/1.1\r\nhost: t\r\n\r\n";

/// The client's end of a connection; a request for `/slow` takes 20 s.
fn connect() -> DuplexStream {
    let (client, server) = tokio::io::duplex(1 << 16);
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        "done"
    };
    let router = Router::new().route("/slow", get(slow));
    let serving = serve(server, router, CancellationToken::new());
    Tasks::new().spawn("connection", serving);
    client
}

async fn answer(client: &mut DuplexStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"done") {
        assert_ne!(
            client.read_buf(&mut answer).await.expect("it is open"),
            0,
            "it is closed"
        );
    }
}

/// How long until the server closes it.
async fn closed(client: &mut DuplexStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("it is closed");
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_outlives_the_pools_of_its_clients() {
    let mut client = connect();
    for _ in 0..3 {
        client.write_all(REQUEST).await.expect("it reads");
        answer(&mut client).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    client.write_all(REQUEST).await.expect("it reads");
    answer(&mut client).await;
    let idle = closed(&mut client).await;
    assert!(idle >= IDLE && idle < IDLE + HEAD_TIMEOUT, "{idle:?}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_has_begun_must_come_in_time() {
    for idle in [0, 3, 60] {
        let mut client = connect();
        client.write_all(REQUEST).await.expect("it reads");
        answer(&mut client).await;
        tokio::time::sleep(Duration::from_secs(idle)).await;
        let start = Instant::now();
        // A byte every 3 s: a bound between two bytes would never end it.
        for byte in &REQUEST[..4] {
            client.write_all(&[*byte]).await.expect("it reads");
            if start.elapsed() < Duration::from_secs(9) {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        }
        closed(&mut client).await;
        let late = start.elapsed();
        assert!(
            late >= HEAD_TIMEOUT && late < HEAD_TIMEOUT + Duration::from_secs(1),
            "after {idle} s: {late:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_http2_says_between_requests_is_no_head() {
    let mut client = connect();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    client
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .expect("it reads");
    client.write_all(&settings).await.expect("it reads");
    tokio::time::sleep(Duration::from_secs(60)).await;
    client.write_all(&settings).await.expect("it is open");
    let mut answer = [0; 9];
    client.read_exact(&mut answer).await.expect("its own settings");
    tokio::time::sleep(Duration::from_secs(60)).await;
    client.write_all(&settings).await.expect("it is open");
}

//! What the roles take from the system that runs them, and that they give it back in time.

use std::process::Stdio;

use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::load::Connection;
use crate::process::{PATIENCE, address_in, nines, send};

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: nines
  listeners: [{name: http, protocol: HTTP, port: 0}]
";

/// More than the log's queue and the pipe hold.
const REQUESTS: usize = 600;

#[tokio::test]
async fn an_access_log_that_nobody_reads_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("g.yaml"), GATEWAY).expect("it is written");
    let mut gateway = tokio::process::Command::new(nines())
        .args([
            "proxy",
            "--config",
            "g.yaml",
            "--admin",
            "127.0.0.1:0",
            "--workers",
            "1",
        ])
        .args(["--access-log", "stdout", "--drain", "1s"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(gateway.stdout.take().expect("it is piped")).lines();
    let address = loop {
        let line = lines
            .next_line()
            .await
            .expect("readable")
            .expect("it says where it listens");
        if line.contains("edge/http listening on") {
            break address_in(&line);
        }
    };
    let mut client = Connection::new(address.trim_start_matches("http://").parse().expect("an address"));
    let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(8000));
    for _ in 0..REQUESTS {
        assert_eq!(
            client.exchange(request.as_bytes()).await.expect("an answer").status,
            404
        );
    }
    send(gateway.id().expect("it runs"), Signal::SIGTERM);
    let ended = tokio::time::timeout(PATIENCE, gateway.wait()).await;
    ended
        .expect("it ends though its output is not read")
        .expect("it can be waited for");
    drop(lines);
}

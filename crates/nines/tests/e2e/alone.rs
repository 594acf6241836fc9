//! A gateway without its control plane: it goes on, and it starts, from the last-known-good file.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::api::Api;
use crate::load::{Connection, Load, failures};
use crate::process::{Process, address_in, nines, shop, start_server_at};

const RESOURCES: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: nines
  listeners: [{name: http, protocol: HTTP, port: 0}]
---
apiVersion: nines.dev/v1
kind: Service
metadata: {name: catalog}
spec: {}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: catalog}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: catalog}]}]}
";

/// A gateway that is ready.
struct Gateway {
    process: Process,
    admin: Api,
    address: SocketAddr,
}

impl Gateway {
    async fn start(folder: &Path, server: &str) -> Self {
        let args = [
            "proxy",
            "--admin",
            "127.0.0.1:0",
            "--data-dir",
            "gateway",
            "--workers",
            "1",
            "--server",
            server,
        ];
        let mut process = Process::start(Command::new(nines()).args(args).current_dir(folder));
        let admin = Api::new(&address_in(&process.wait_for("admin pages on ")));
        admin.until_ready().await;
        let (_, config) = admin.get("/config").await.expect("the admin pages answer");
        let address = config["listening"][0]["address"]
            .as_str()
            .expect("a listener")
            .parse()
            .expect("an address");
        Self {
            process,
            admin,
            address,
        }
    }

    /// What `/readyz` says of the control plane.
    async fn control_plane(&self) -> Value {
        let (status, report) = self.admin.get("/readyz").await.expect("the admin pages answer");
        assert_eq!(status, 200, "{report}");
        report["checks"]["control plane"].clone()
    }
}

#[tokio::test]
async fn a_gateway_starts_and_serves_without_its_control_plane() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (server, url) = start_server_at(folder, "127.0.0.1:0");
    let api = Api::new(&url);
    api.until_ready().await;
    api.apply(RESOURCES.into()).await;
    let mut catalog = Command::new(shop("catalog"));
    catalog
        .env("NINES_SERVER", &url)
        .env("NINES_INSTANCE_ID", "catalog-1")
        .env("NINES_LISTEN", "127.0.0.1:0");
    let _catalog = Process::start(&mut catalog);
    api.until("catalog-1 is registered", async || {
        api.instances("catalog").await == ["catalog-1"]
    })
    .await;

    let gateway = Gateway::start(folder, &url).await;
    let load = Load::start(gateway.address, "/catalog", 200, 8);
    load.until(200).await;
    server.crash();
    load.until(load.count() + 200).await;
    assert_eq!(
        failures(&load.stop().await),
        Vec::<String>::new(),
        "the gateway goes on"
    );
    assert!(gateway.process.stop().success());

    let gateway = Gateway::start(folder, &url).await;
    let remark = gateway.control_plane().await;
    assert!(
        remark["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("last known good")),
        "{remark}"
    );
    let load = Load::start(gateway.address, "/catalog", 200, 8);
    load.until(200).await;

    let (_server, _) = start_server_at(folder, url.trim_start_matches("http://"));
    api.until("the gateway has found it again", async || {
        gateway.control_plane().await.get("reason").is_none()
    })
    .await;
    load.until(load.count() + 200).await;
    assert_eq!(
        failures(&load.stop().await),
        Vec::<String>::new(),
        "a gateway that began from the disk serves"
    );
    gateway.process.signal(Signal::SIGTERM);
}

/// An instance that nobody knows is not enabled; what was set for one that is not here can be taken back.
#[tokio::test]
async fn only_what_is_there_is_enabled() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, url) = start_server_at(folder.path(), "127.0.0.1:0");
    Api::new(&url).until_ready().await;
    let enable = || {
        let args = ["--server", &url, "service", "enable", "orders", "nope"];
        Command::new(nines()).args(args).output().expect("the binary runs")
    };
    let output = enable();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && said.contains("orders/nope is not registered"),
        "{output:?}"
    );
    let over = format!("{url}/v1/namespaces/default/services/orders/instances/nope/override");
    let disabled = reqwest::Client::new()
        .put(over)
        .json(&serde_json::json!({"disabled": true}))
        .send()
        .await;
    assert!(disabled.expect("an answer").status().is_success());
    assert!(enable().status.success());
}

/// What a backend is told is the operator's choice, made on the command line.
#[tokio::test]
async fn forwarding_is_as_the_command_line_says() {
    let told = |args: &'static [&'static str]| async move {
        let folder = tempfile::tempdir().expect("a folder");
        let backend = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = backend.local_addr().expect("an address");
        let service = format!("spec: {{endpoints: [{{address: '{endpoint}'}}]}}");
        std::fs::write(folder.path().join("g.yaml"), RESOURCES.replace("spec: {}", &service)).expect("it is written");
        let fixed = ["proxy", "--config", "g.yaml", "--admin", "127.0.0.1:0"];
        let mut gateway = Process::start(Command::new(nines()).args(fixed).args(args).current_dir(folder.path()));
        let address = address_in(&gateway.wait_for("edge/http listening on"));
        let mut client = Connection::new(address.trim_start_matches("http://").parse().expect("an address"));
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-for: 9.9.9.9\r\nx-request-id: mine\r\n\r\n";
        let (answer, head) = tokio::join!(client.exchange(request), answer_one(backend));
        assert_eq!(answer.expect("an answer").status, 200);
        head
    };
    let default = told(&[]).await;
    assert!(
        default.contains("x-forwarded-for: 127.0.0.1\r\n") && !default.contains("mine"),
        "{default}"
    );
    assert!(
        !default.contains("forwarded: for=") && !default.contains("via:"),
        "{default}"
    );
    let trusting = told(&["--trust-client", "--forwarded", "--via", "edge"]).await;
    for words in [
        "x-forwarded-for: 9.9.9.9\r\nx-forwarded-for: 127.0.0.1\r\n",
        "x-request-id: mine",
        "forwarded: ",
        "via: 1.1 edge",
    ] {
        assert!(trusting.contains(words), "no `{words}` in {trusting}");
    }
    let silent = told(&["--no-x-forwarded", "--no-request-id"]).await;
    assert!(
        !silent.contains("x-forwarded") && !silent.contains("x-request-id"),
        "{silent}"
    );
}

/// Answers one request with 200 and gives its head.
async fn answer_one(backend: tokio::net::TcpListener) -> String {
    let (mut stream, _) = backend.accept().await.expect("the gateway connects");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(
            stream.read_buf(&mut head).await.expect("it sends"),
            0,
            "closed within the head"
        );
    }
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await
        .expect("it reads");
    String::from_utf8_lossy(&head).to_ascii_lowercase()
}

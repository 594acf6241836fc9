//! Edits that cannot come into force: what serves goes on to serve.

use crate::harness::{Backend, Client, Gateway, nobody, simple, within};

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// Waits until `/readyz` says why the last edit is not in force.
async fn until_refused(gateway: &Gateway, why: &str) {
    let told = async {
        loop {
            let shown = gateway.admin("/readyz").await;
            if shown.contains("not in force") && shown.contains(why) {
                return;
            }
        }
    };
    within("the edit is refused", told).await;
}

async fn answers(gateway: &Gateway, text: &str) {
    assert_eq!(gateway.get("/").await.text(), text);
}

#[tokio::test]
async fn an_edit_to_a_taken_port_changes_nothing_until_the_port_is_free() {
    let (old, new) = (Backend::named("old").await, Backend::named("new").await);
    let gateway = Gateway::start(&simple(&[old.address])).await;
    let before = gateway.address();
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let wanted = held.local_addr().expect("bound");
    let port = format!("port: {}", wanted.port());
    gateway
        .edit_unseen(&simple(&[new.address]).replace("port: 0", &port))
        .await;
    until_refused(&gateway, &wanted.to_string()).await;
    assert_eq!(gateway.address(), before);
    answers(&gateway, "old").await;
    drop(held);
    let opened = async {
        while gateway.address() != wanted {
            tokio::task::yield_now().await;
        }
    };
    within("the listener opens without another edit", opened).await;
    answers(&gateway, "new").await;
    let closed = async { while tokio::net::TcpStream::connect(before).await.is_ok() {} };
    within("the old listener is closed", closed).await;
    let recovered = async { while gateway.admin("/readyz").await.contains("not in force") {} };
    within("the edit is in force", recovered).await;
}

#[tokio::test]
async fn an_edit_that_leaves_no_listener_changes_nothing() {
    let app = Backend::named("still here").await;
    let resources = simple(&[app.address]);
    let gateway = Gateway::start(&resources).await;
    let before = gateway.address();
    for (edit, why) in [
        (String::new(), "is empty"),
        ("# nothing\n".into(), "no Gateway"),
        (resources.replace("nines\n", "other\n"), "no Gateway"),
    ] {
        gateway.edit_unseen(&edit).await;
        until_refused(&gateway, why).await;
        assert_eq!(gateway.address(), before, "{why}");
        answers(&gateway, "still here").await;
    }
}

#[tokio::test]
async fn a_listener_may_go_from_one_address_of_the_host_to_all() {
    let app = Backend::named("x").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let before = gateway.address();
    let everywhere = format!("0.0.0.0:{}", before.port());
    let edit = simple(&[app.address])
        .replace("port: 0", &format!("port: {}", before.port()))
        .replace("  listeners", "  addresses: [{value: 0.0.0.0}]\n  listeners");
    gateway.edit(&edit, |shown| shown.contains(&everywhere)).await;
    let mut client = Client::connect(before).await;
    client.send(GET).await;
    assert_eq!(client.response().await.text(), "x");
}

#[tokio::test]
async fn connections_of_a_listener_that_moved_are_served_once_more_and_closed() {
    let app = Backend::named("x").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    assert_eq!(client.response().await.header("connection"), None);
    let wanted = nobody().await;
    let port = format!("port: {}", wanted.port());
    gateway
        .edit(&simple(&[app.address]).replace("port: 0", &port), |shown| {
            shown.contains(&wanted.to_string())
        })
        .await;
    client.send(GET).await;
    let response = client.response().await;
    assert_eq!(
        (response.text().as_str(), response.header("connection")),
        ("x", Some("close"))
    );
    assert!(client.is_closed().await);
}

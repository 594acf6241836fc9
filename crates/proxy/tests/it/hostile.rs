//! Every hostile message of the codec's table, through a running proxy.

use crate::harness::{Backend, Gateway, ok, simple};

#[path = "../../testdata/hostile.rs"]
mod table;

#[tokio::test]
async fn hostile_requests_are_refused_and_never_passed_on() {
    let app = Backend::http(|_, _| ok("harmless")).await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut refused = 0;
    for case in table::requests() {
        let mut client = gateway.connect().await;
        client.try_send(&case.bytes).await;
        let answer = client.try_response(false).await;
        let told = answer.map(|answer| (answer.status, answer.header("x-nines-cause").map(str::to_owned)));
        match told {
            // The service may answer before the fault in the body is met.
            Some((200, None)) if case.in_body => {}
            Some((status, Some(cause))) => {
                assert_eq!(status, case.status, "{}: {cause}", case.name);
                assert!(cause.contains(case.section), "{}: {cause}", case.name);
                refused += 1;
            }
            other => assert!(case.in_body && other.is_none(), "{}: {other:?}", case.name),
        }
        assert!(client.is_closed().await, "{}: the connection lives on", case.name);
    }
    assert!(refused >= 60, "only {refused} cases were refused");
    assert_eq!(gateway.get("/").await.text(), "harmless");
}

#[tokio::test]
async fn hostile_responses_are_not_passed_on() {
    for case in table::responses() {
        let bytes = case.bytes.into_owned();
        let app = Backend::raw(move |mut client| {
            let bytes = bytes.clone();
            async move {
                client.request().await;
                client.try_send(&bytes).await;
            }
        })
        .await;
        let gateway = Gateway::start(&simple(&[app.address])).await;
        let mut client = gateway.connect().await;
        client
            .send(&format!("{} / HTTP/1.1\r\nhost: x\r\n\r\n", case.method))
            .await;
        let answer = client.try_response(case.method == "HEAD").await;
        match &answer {
            Some(answer) => {
                assert_eq!(
                    (answer.status, answer.cause()),
                    (502, "upstream_protocol"),
                    "{}",
                    case.name
                );
                assert!(answer.head.contains(case.section), "{}: {}", case.name, answer.head);
            }
            None => assert!(case.in_body, "{}: no answer", case.name),
        }
        drop(client);
        let log = gateway.stop().await;
        assert_eq!(log.len(), 1, "{}", case.name);
        assert_eq!(log[0]["cause"], "upstream_protocol", "{}: {}", case.name, log[0]);
    }
}

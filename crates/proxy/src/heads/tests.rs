use super::*;
use crate::h1::{Asked, Limits, Method, parse_request, parse_response};
use nines_model::route::{Header, HeaderModifier};

fn forwarding() -> Forwarding {
    Forwarding {
        x_forwarded: false,
        request_id: false,
        ..Forwarding::default()
    }
}

fn sent(head: &str, plan: &RequestPlan, forwarding: &Forwarding) -> String {
    let mut parsed = RequestHead::default();
    parse_request(head.as_bytes(), &Limits::default(), &mut parsed).expect("a good head");
    let outgoing = Outgoing {
        head: &parsed,
        bytes: head.as_bytes(),
        plan,
        prefix: 0,
        forwarding,
        peer: "[2001:db8::1]:9".parse().expect("an address"),
        id: b"id-1",
        timeout_ms: None,
        attempt: 1,
    };
    let mut out = Vec::new();
    request(&outgoing, &mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn runs_of_fields_are_copied_around_those_that_go() {
    let head = "GET /a HTTP/1.1\r\nHost: x\r\nA:1\r\nconnection: b\r\nB: 2\r\nC:  3 \r\nD: 4\r\nkeep-alive: 5\r\n\r\n";
    let expected = "GET /a HTTP/1.1\r\nHost: x\r\nA:1\r\nC:  3 \r\nD: 4\r\n\r\n";
    assert_eq!(sent(head, &RequestPlan::default(), &forwarding()), expected);
}

#[test]
fn addresses_of_the_sixth_version_are_quoted() {
    let settings = Forwarding {
        forwarded: true,
        x_forwarded: true,
        ..forwarding()
    };
    let head = sent("GET / HTTP/1.1\r\nhost: x\r\n\r\n", &RequestPlan::default(), &settings);
    assert!(head.contains("x-forwarded-for: 2001:db8::1\r\n"), "{head}");
    assert!(
        head.contains("forwarded: for=\"[2001:db8::1]\";proto=http;host=\"x\"\r\n"),
        "{head}"
    );
}

#[test]
fn a_plan_edits_in_passing() {
    let mut plan = RequestPlan {
        host: Some("inner".into()),
        ..RequestPlan::default()
    };
    let modifier = HeaderModifier {
        set: vec![Header {
            name: "A".into(),
            value: "new".into(),
        }],
        add: Vec::new(),
        remove: vec!["B".into()],
    };
    plan.headers.add_modifier(&modifier).expect("valid");
    let head = "GET /?q HTTP/1.1\r\na: old\r\nhost: x\r\nc: 1\r\nb: 2\r\n\r\n";
    let expected = "GET /?q HTTP/1.1\r\nhost: inner\r\nc: 1\r\na: new\r\n\r\n";
    assert_eq!(sent(head, &plan, &forwarding()), expected);
}

#[test]
fn an_old_client_is_told_that_the_connection_lives() {
    let head = "HTTP/1.1 200 OK\r\nconnection: x\r\nx: 1\r\ny: 2\r\ncontent-length: 0\r\n\r\n";
    let mut parsed = ResponseHead::default();
    let asked = Asked {
        method: Method::Get,
        upgrade: false,
    };
    parse_response(head.as_bytes(), asked, &Limits::default(), &mut parsed).expect("a good head");
    let mut incoming = Incoming {
        head: &parsed,
        bytes: head.as_bytes(),
        edits: &HeaderEdits::default(),
        forwarding: &forwarding(),
        id: b"id-1",
        chunked: false,
        close: false,
        version: Version::Http10,
    };
    let written = |incoming: &Incoming<'_>| {
        let mut out = Vec::new();
        response(incoming, &mut out);
        String::from_utf8(out).expect("text")
    };
    let fields = "y: 2\r\ncontent-length: 0\r\n";
    let keep = format!("HTTP/1.1 200 OK\r\n{fields}connection: keep-alive\r\n\r\n");
    assert_eq!(written(&incoming), keep);
    incoming.close = true;
    assert_eq!(written(&incoming), keep.replace("keep-alive", "close"));
}

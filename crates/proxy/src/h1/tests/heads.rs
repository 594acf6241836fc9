//! What sound heads mean.

use super::*;
use crate::h1::{Body, Form, Name, ResponseBody, Version};

fn request(text: &str) -> RequestHead {
    let (result, head) = request_in_steps(text.as_bytes(), text.len());
    assert!(matches!(result, Ok(Progress::Done(_))), "{text:?}: {result:?}");
    head
}

fn response(text: &str, asked: Asked) -> ResponseHead {
    let (result, head) = response_in_steps(text.as_bytes(), asked, text.len());
    assert!(matches!(result, Ok(Progress::Done(_))), "{text:?}: {result:?}");
    head
}

fn check_path(target: &str, path: &str, query: Option<&str>) {
    let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = request(&text);
    assert_eq!(head.path(text.as_bytes()), path.as_bytes(), "{target}");
    assert_eq!(
        head.query.map(|q| q.of(text.as_bytes())),
        query.map(str::as_bytes),
        "{target}"
    );
}

#[test]
fn one_path_whatever_its_spelling() {
    check_path("/", "/", None);
    check_path("/a/b?c=d?e=/../", "/a/b", Some("c=d?e=/../"));
    check_path("/a?", "/a", Some(""));
    check_path("/a/", "/a/", None);
    check_path("/%61dmin", "/admin", None);
    check_path("/a%3b%c3%a9", "/a%3B%C3%A9", None);
    check_path("/a%3B%C3%A9", "/a%3B%C3%A9", None);
    check_path("/.well-known/a..b/...", "/.well-known/a..b/...", None);
    check_path("http://a", "/", None);
    check_path("http://a?b", "/", Some("b"));
    check_path("HTTP://A:80/b", "/b", None);
    check_path("/a|b[c]", "/a|b[c]", None);
}

#[test]
fn optional_spellings_of_a_path_can_be_allowed() {
    let limits = Limits {
        encoded_slash: true,
        empty_segments: true,
        ..Limits::default()
    };
    let bytes = b"GET //a%2fb%5c HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut head = RequestHead::default();
    assert_eq!(
        parse_request(bytes, &limits, &mut head),
        Ok(Progress::Done(bytes.len()))
    );
    assert_eq!(head.path(bytes), b"//a%2Fb%5C");
}

fn check_host(head: &str, host: &str, port: Option<u16>) {
    let parsed = request(head);
    assert_eq!(
        (parsed.host.of(head.as_bytes()), parsed.port),
        (host.as_bytes(), port),
        "{head:?}"
    );
}

#[test]
fn the_host_is_one() {
    check_host(
        "GET / HTTP/1.1\r\nhOsT:\t Shop.local:8080 \r\n\r\n",
        "Shop.local",
        Some(8080),
    );
    check_host("GET / HTTP/1.1\r\nHost: shop.local.\r\n\r\n", "shop.local", None);
    check_host("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "[::1]", Some(80));
    check_host("GET http://b/ HTTP/1.0\r\n\r\n", "b", None);
    check_host("GET http://b:80/ HTTP/1.1\r\nHost: B\r\n\r\n", "B", None);
    check_host("GET / HTTP/1.0\r\n\r\n", "", None);
    let star = "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
    let head = request(star);
    assert_eq!((head.form, head.path(star.as_bytes())), (Form::Asterisk, &b"*"[..]));
}

fn check_request(fields: &str, body: Body, keep_alive: bool) -> RequestHead {
    let head = request(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    assert_eq!((head.body, head.keep_alive), (body, keep_alive), "{fields:?}");
    head
}

#[test]
fn framing_and_persistence_of_requests() {
    check_request("", Body::None, true);
    check_request("Content-Length: 0\r\n", Body::None, true);
    check_request("Content-Length: 18446744073709551615\r\n", Body::Length(u64::MAX), true);
    check_request(
        "Transfer-Encoding: Chunked\r\nConnection: close\r\n",
        Body::Chunked,
        false,
    );
    assert!(check_request("Expect: 100-Continue\r\nContent-Length: 1\r\n", Body::Length(1), true).expect_continue);
    assert!(!check_request("Expect: 100-continue\r\n", Body::None, true).expect_continue);
    assert!(check_request("TE: gzip, trailers\r\nConnection: TE\r\n", Body::None, true).te_trailers);
    assert!(!check_request("TE: trailers\r\n", Body::None, true).te_trailers);
    let old = request("GET / HTTP/1.0\r\n\r\n");
    assert_eq!((old.version, old.keep_alive), (Version::Http10, false));
    assert!(request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

#[test]
fn hop_by_hop_fields_are_marked() {
    let fields = "Connection: x-one, keep-alive\r\nX-One: 1\r\nX-Two: 2\r\nKeep-Alive: 5\r\nHTTP2-Settings: a\r\n";
    let hop: Vec<bool> = check_request(fields, Body::None, true)
        .fields
        .iter()
        .map(|f| f.hop)
        .collect();
    assert_eq!(hop, [false, true, true, false, true, true]);
}

#[test]
fn only_a_websocket_handshake_is_an_upgrade() {
    let check = |head: &str, upgrade: bool| assert_eq!(request(head).upgrade.is_some(), upgrade, "{head:?}");
    check(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
        true,
    );
    check("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", false);
    check(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        false,
    );
    check(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, h2c\r\nConnection: upgrade\r\n\r\n",
        false,
    );
    check(
        "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        false,
    );
    check(
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        false,
    );
    check(
        "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        false,
    );
}

fn check_response(text: &str, method: Method, body: ResponseBody, keep_alive: bool) {
    let head = response(text, Asked { method, upgrade: false });
    assert_eq!((head.body, head.keep_alive), (body, keep_alive), "{text:?}");
}

#[test]
fn framing_and_persistence_of_responses() {
    use ResponseBody::{Chunked, Length, None, UntilClose};
    check_response(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        Method::Get,
        Length(5),
        true,
    );
    check_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::Head, None, true);
    check_response(
        "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n",
        Method::Get,
        Chunked,
        true,
    );
    check_response("HTTP/1.1 200 \r\n\r\n", Method::Get, UntilClose, false);
    check_response("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Method::Get, None, false);
    check_response(
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        Method::Get,
        None,
        true,
    );
    check_response(
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        Method::Get,
        None,
        true,
    );
    check_response("HTTP/1.1 204 No Content\r\n\r\n", Method::Get, None, true);
    check_response(
        "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        Method::Get,
        None,
        false,
    );
}

#[test]
fn interim_heads_are_heads_of_their_own() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (limits, mut head) = (Limits::default(), ResponseHead::default());
    assert_eq!(parse_response(bytes, get(), &limits, &mut head), Ok(Progress::Done(25)));
    assert!(head.is_interim());
    assert_eq!(
        parse_response(&bytes[25..], get(), &limits, &mut head),
        Ok(Progress::Done(38))
    );
    assert!(!head.is_interim() && head.status == 200 && head.fields.len() == 1);
}

#[test]
fn a_switch_must_have_been_asked_for_and_be_the_same() {
    let check = |fields: &str, upgrade: bool, good: bool| {
        let text = format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n");
        let (result, head) = response_in_steps(
            text.as_bytes(),
            Asked {
                method: Method::Get,
                upgrade,
            },
            text.len(),
        );
        assert_eq!((result.is_ok(), head.switching), (good, good), "{text:?}");
    };
    check("Connection: Upgrade\r\nUpgrade: websocket\r\n", true, true);
    check("Connection: Upgrade\r\nUpgrade: websocket\r\n", false, false);
    check("Connection: Upgrade\r\nUpgrade: h2c\r\n", true, false);
    check("Upgrade: websocket\r\n", true, false);
}

#[test]
fn a_zero_length_is_not_passed_on_where_none_may_stand() {
    let text = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    assert!(response(text, get()).fields[0].hop);
}

#[test]
fn pipelined_bytes_are_left_alone_and_a_head_is_used_again() {
    let bytes = b"\r\nGET /%61 HTTP/1.1\r\nHost: a\r\nCookie: b\r\n\r\nGET /c HTTP/1.1\r\nHost: d\r\n\r\n";
    let (limits, mut head) = (Limits::default(), RequestHead::default());
    let Ok(Progress::Done(len)) = parse_request(bytes, &limits, &mut head) else {
        panic!("not a head")
    };
    assert_eq!(
        (head.path(bytes), head.value(Name::Cookie, bytes)),
        (&b"/a"[..], Some(&b"b"[..]))
    );
    let rest = &bytes[len..];
    assert_eq!(parse_request(rest, &limits, &mut head), Ok(Progress::Done(rest.len())));
    assert_eq!(
        (head.path(rest), head.host.of(rest), head.fields.len()),
        (&b"/c"[..], &b"d"[..], 1)
    );
}

#[test]
fn cookies_are_counted_apart() {
    let fields = "x: y\r\n".repeat(99) + &"cookie: z\r\n".repeat(100);
    assert_eq!(check_request(&fields, Body::None, true).fields.len(), 200);
}

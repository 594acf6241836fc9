//! Chunked bodies and what the proxy writes itself.

use super::*;
use crate::h1::chunked::header;
use crate::h1::write;

fn check(bytes: &str, data: &str, rest: &str, trailers: &[(&str, &str)]) {
    for step in [1, 2, bytes.len()] {
        let decoded = decode(bytes.as_bytes(), Side::Client, step);
        assert_eq!(decoded.reject, None, "{bytes:?}");
        assert_eq!(decoded.data, data.as_bytes(), "{bytes:?}");
        assert_eq!(decoded.end, Some(bytes.len() - rest.len()), "{bytes:?}");
        let found: Vec<_> = decoded.trailers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(found, trailers, "{bytes:?}");
    }
}

#[test]
fn chunks_are_read_to_their_end_and_not_beyond() {
    check("0\r\n\r\n", "", "", &[]);
    check("5\r\nhello\r\n0\r\n\r\nGET /", "hello", "GET /", &[]);
    check("000A\r\n0123456789\r\n1\r\n\n\r\n00\r\n\r\n", "0123456789\n", "", &[]);
    check("2;a=b;c=\"d e\"\r\nhi\r\n0;x\r\n\r\n", "hi", "", &[]);
    check(
        "1\r\nx\r\n0\r\nGrpc-Status: 0\r\ngrpc-message:\r\n\r\n",
        "x",
        "",
        &[("Grpc-Status", "0"), ("grpc-message", "")],
    );
}

#[test]
fn an_unfinished_body_is_no_end() {
    for bytes in ["", "5", "5\r\nhel", "5\r\nhello\r\n", "0\r\n", "0\r\nA: b\r\n"] {
        let decoded = decode(bytes.as_bytes(), Side::Client, 1);
        assert_eq!((decoded.end, decoded.reject), (None, None), "{bytes:?}");
    }
}

#[test]
fn chunk_headers_have_one_spelling() {
    let check = |size: u64, text: &str| assert_eq!(header(size).as_bytes(), text.as_bytes());
    check(1, "1\r\n");
    check(0xabc, "abc\r\n");
    check(u64::MAX, "ffffffffffffffff\r\n");
}

#[test]
fn heads_of_our_own_are_read_back() {
    let mut out = Vec::new();
    write::status_line(&mut out, 503);
    write::field(&mut out, b"x-nines-cause", b"no_endpoint");
    write::content_length(&mut out, 1_234_567);
    out.extend_from_slice(b"\r\n");
    assert_eq!(
        out,
        b"HTTP/1.1 503 Service Unavailable\r\nx-nines-cause: no_endpoint\r\ncontent-length: 1234567\r\n\r\n"
    );
    let (result, head) = response_in_steps(&out, get(), out.len());
    assert_eq!((result, head.status), (Ok(Progress::Done(out.len())), 503));
}

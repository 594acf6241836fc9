//! What holds for any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::h1::chunked::{CHUNK_END, END, header};

/// Bytes that are almost a message: pieces of sound and of hostile ones in any order.
fn almost_http() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"POST /%61/%2e HTTP/1.0\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"Host: a\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: x, close\r\n",
        b"X: \xff\t\r\n",
        b"\r\n",
        b"\n",
        b"5;a\r\nhello\r\n",
        b"0\r\n",
        b" ",
        b"\x00",
    ];
    let piece = prop::sample::select(PIECES);
    let noise = vec(any::<u8>(), 0..8);
    vec((piece, prop::option::weighted(0.1, noise)), 0..12).prop_map(|pieces| {
        pieces
            .into_iter()
            .flat_map(|(piece, noise)| [piece.to_vec(), noise.unwrap_or_default()].concat())
            .collect()
    })
}

/// A sound request head: method, path, and fields with names that the proxy does not act on.
fn sound() -> impl Strategy<Value = (String, String, Vec<(String, String)>)> {
    let field = ("q[a-z0-9-]{0,12}", "([!-~]([ -~]{0,20}[!-~])?)?");
    (
        "[A-Z]{1,12}".prop_filter("refused", |m| m != "CONNECT"),
        "(/[a-z0-9~_-]{1,8}){1,4}",
        vec(field, 0..20),
    )
}

proptest! {
    #[test]
    fn requests_do_not_depend_on_how_they_arrive(bytes in almost_http(), step in 1usize..40) {
        let (whole, head) = request_in_steps(&bytes, usize::MAX >> 1);
        let (pieces, other) = request_in_steps(&bytes, step);
        prop_assert_eq!(whole, pieces);
        if let Ok(Progress::Done(len)) = whole {
            prop_assert_eq!(format!("{head:?}"), format!("{other:?}"));
            prop_assert!(head.fields.iter().all(|f| f.name.end <= f.value.start && f.value.end as usize <= len));
        }
    }

    #[test]
    fn responses_do_not_depend_on_how_they_arrive(bytes in almost_http(), step in 1usize..40) {
        let (whole, head) = response_in_steps(&bytes, get(), usize::MAX >> 1);
        let (pieces, other) = response_in_steps(&bytes, get(), step);
        prop_assert_eq!(whole, pieces);
        if let Ok(Progress::Done(len)) = whole {
            prop_assert_eq!(format!("{head:?}"), format!("{other:?}"));
            prop_assert!(head.fields.iter().all(|f| f.name.end <= f.value.start && f.value.end as usize <= len));
        }
    }

    #[test]
    fn bodies_do_not_depend_on_how_they_arrive(bytes in almost_http(), step in 1usize..40) {
        prop_assert_eq!(decode(&bytes, Side::Client, usize::MAX >> 1), decode(&bytes, Side::Client, step));
    }

    #[test]
    fn any_bytes_are_answered(bytes in vec(any::<u8>(), 0..300)) {
        drop(request_in_steps(&bytes, 7));
        drop(response_in_steps(&bytes, get(), 7));
        decode(&bytes, Side::Upstream, 7);
    }

    #[test]
    fn what_is_accepted_is_what_httparse_reads((method, path, fields) in sound(), step in 1usize..40) {
        let lines: String = fields.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
        let text = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let buf = text.as_bytes();
        let (result, head) = request_in_steps(buf, step);
        prop_assert_eq!(result, Ok(Progress::Done(buf.len())));
        prop_assert_eq!(head.path(buf), path.as_bytes());
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut other = httparse::Request::new(&mut headers);
        prop_assert_eq!(other.parse(buf), Ok(httparse::Status::Complete(buf.len())));
        prop_assert_eq!(other.method.map(str::as_bytes), Some(head.method_name.of(buf)));
        let theirs: Vec<_> = other.headers.iter().map(|h| (h.name.as_bytes(), h.value)).collect();
        let ours: Vec<_> = head.fields.iter().map(|f| (f.name.of(buf), f.value.of(buf))).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn our_chunks_are_read_back(data in vec(vec(any::<u8>(), 1..50), 0..8), step in 1usize..40) {
        let chunk = |d: &Vec<u8>| [header(d.len() as u64).as_bytes(), d, CHUNK_END].concat();
        let framed: Vec<u8> = data.iter().flat_map(chunk).chain(END.iter().copied()).collect();
        let decoded = decode(&framed, Side::Upstream, step);
        prop_assert_eq!((decoded.end, decoded.reject), (Some(framed.len()), None));
        prop_assert_eq!(decoded.data, data.concat());
    }
}

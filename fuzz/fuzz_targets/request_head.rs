//! Request heads: never a panic, the same answer however the bytes arrive, and nothing ambiguous accepted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nines_fuzz::{cut, in_bounds, same_fields, sound};
use nines_proxy::h1::{Body, Form, Limits, Name, Progress, RequestHead, Version, parse_request};

fuzz_target!(|data: &[u8]| {
    let Some((step, bytes)) = cut(data) else { return };
    let limits = Limits { max_head: 2048, max_target: 256, max_cookie_bytes: 128, ..Limits::default() };
    let (mut whole, mut pieces) = (RequestHead::default(), RequestHead::default());
    let expected = parse_request(bytes, &limits, &mut whole);
    let mut end = 0;
    let found = loop {
        end = (end + step).min(bytes.len());
        let result = parse_request(&bytes[..end], &limits, &mut pieces);
        if result != Ok(Progress::Partial) || end == bytes.len() {
            break result;
        }
    };
    assert_eq!(expected, found);
    if let Ok(Progress::Done(len)) = expected {
        assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
        accepted(&whole, bytes, len, &limits);
    }
});

fn accepted(head: &RequestHead, buf: &[u8], len: usize, limits: &Limits) {
    assert!(len <= limits.max_head && buf[..len].ends_with(b"\r\n\r\n"));
    for span in [head.method_name, head.target, head.authority, head.host] {
        in_bounds(span, len);
    }
    head.query.iter().chain(&head.upgrade).for_each(|&span| in_bounds(span, len));
    sound(&head.fields, buf, len);
    framing(head);
    path(head, buf);

    let mut headers = [httparse::EMPTY_HEADER; 256];
    let mut other = httparse::Request::new(&mut headers);
    assert_eq!(other.parse(buf), Ok(httparse::Status::Complete(len)));
    assert_eq!(other.method.map(str::as_bytes), Some(head.method_name.of(buf)));
    assert_eq!(other.path.map(str::as_bytes), Some(head.target.of(buf)));
    same_fields(&head.fields, other.headers, buf);
}

fn framing(head: &RequestHead) {
    let count = |id| head.fields.iter().filter(|f| f.id == id).count();
    let (lengths, codings) = (count(Name::ContentLength), count(Name::TransferEncoding));
    assert!(lengths + codings <= 1);
    assert_eq!(head.body == Body::Chunked, codings == 1);
    assert!(!matches!(head.body, Body::Length(_)) || lengths == 1);
    assert!(count(Name::Host) <= 1);
    if head.version == Version::Http11 {
        assert!(count(Name::Host) == 1 && !head.host.is_empty());
    }
    assert!(head.upgrade.is_none() || head.body == Body::None);
    assert!(head.fields.iter().all(|f| f.hop || !f.id.is_hop_by_hop()));
    assert!(head.fields.iter().all(|f| !(f.hop && matches!(f.id, Name::Host | Name::ContentLength | Name::Cookie))));
}

/// The canonical path has no second reading, and is the canonical form of itself.
fn path(head: &RequestHead, buf: &[u8]) {
    let path = head.path(buf);
    if head.form == Form::Asterisk {
        return assert_eq!(path, b"*");
    }
    assert_eq!(path.first(), Some(&b'/'));
    assert!(path.iter().all(|&b| b.is_ascii_graphic() && b != b'\\' && b != b'#' && b != b'?'));
    let text = std::str::from_utf8(path).expect("it is ASCII");
    assert!(!text.contains("//") && !text.contains("%2F") && !text.contains("%5C") && !text.contains("%00"));
    assert!(!text.split('/').any(|s| s == "." || s == ".."));
    let again = [b"GET ", path, b" HTTP/1.0\r\n\r\n"].concat();
    let mut second = RequestHead::default();
    let limits = Limits::default();
    assert_eq!(parse_request(&again, &limits, &mut second), Ok(Progress::Done(again.len())));
    assert_eq!(second.path(&again), path);
}

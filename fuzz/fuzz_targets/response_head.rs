//! Response heads: never a panic, the same answer however the bytes arrive, and one framing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nines_fuzz::{cut, in_bounds, same_fields, sound};
use nines_proxy::h1::{Asked, Limits, Method, Name, Progress, ResponseBody, ResponseHead, parse_response};

fuzz_target!(|data: &[u8]| {
    let Some((step, bytes)) = cut(data) else { return };
    let Some((flags, bytes)) = cut(bytes) else { return };
    let method = if flags & 1 == 0 { Method::Get } else { Method::Head };
    let asked = Asked { method, upgrade: flags & 2 == 2 };
    let limits = Limits { max_head: 2048, ..Limits::default() };
    let (mut whole, mut pieces) = (ResponseHead::default(), ResponseHead::default());
    let expected = parse_response(bytes, asked, &limits, &mut whole);
    let mut end = 0;
    let found = loop {
        end = (end + step).min(bytes.len());
        let result = parse_response(&bytes[..end], asked, &limits, &mut pieces);
        if result != Ok(Progress::Partial) || end == bytes.len() {
            break result;
        }
    };
    assert_eq!(expected, found);
    if let Ok(Progress::Done(len)) = expected {
        assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
        accepted(&whole, asked, bytes, len);
    }
});

fn accepted(head: &ResponseHead, asked: Asked, buf: &[u8], len: usize) {
    assert!(buf[..len].ends_with(b"\r\n\r\n") && (100..1000).contains(&head.status));
    in_bounds(head.reason, len);
    sound(&head.fields, buf, len);
    let count = |id| head.fields.iter().filter(|f| f.id == id).count();
    assert!(count(Name::ContentLength) + count(Name::TransferEncoding) <= 1);
    let no_body = head.status < 200 || matches!(head.status, 204 | 304) || asked.method == Method::Head;
    assert!(!no_body || head.body == ResponseBody::None);
    assert!(head.body != ResponseBody::UntilClose || !head.keep_alive);
    assert!(!head.switching || (head.status == 101 && asked.upgrade && !head.keep_alive));

    let mut headers = [httparse::EMPTY_HEADER; 256];
    let mut other = httparse::Response::new(&mut headers);
    assert_eq!(other.parse(buf), Ok(httparse::Status::Complete(len)));
    assert_eq!(other.code, Some(head.status));
    same_fields(&head.fields, other.headers, buf);
}

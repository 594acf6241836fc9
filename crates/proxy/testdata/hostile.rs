//! Malformed and hostile HTTP/1.1 messages and what they are answered with: plain data, run through the codec by its own
//! tests and through a running proxy by the end-to-end tests (`#[path]`).

use std::borrow::Cow;

/// A request that must be refused.
pub(crate) struct Request {
    pub(crate) name: &'static str,
    pub(crate) bytes: Cow<'static, [u8]>,
    pub(crate) status: u16,
    pub(crate) section: &'static str,
    /// The head is sound and the fault is in the body: the answer may be the service's, but the connection ends.
    pub(crate) in_body: bool,
}

/// A response that must not be passed on: 502 `upstream_protocol`, or an aborted connection when its head had gone out.
pub(crate) struct Response {
    pub(crate) name: &'static str,
    /// The method of the request it answers.
    pub(crate) method: &'static str,
    pub(crate) bytes: Cow<'static, [u8]>,
    pub(crate) section: &'static str,
    pub(crate) in_body: bool,
}

/// Every hostile request.
pub(crate) fn requests() -> Vec<Request> {
    let fixed = LINES
        .iter()
        .chain(FRAMING)
        .chain(FIELDS)
        .chain(TARGETS)
        .map(|c| (c, false));
    let bodies = BODIES.iter().map(|c| (c, true));
    let all = fixed
        .chain(bodies)
        .map(|(&(name, status, section, bytes), in_body)| Request {
            name,
            bytes: Cow::Borrowed(bytes),
            status,
            section,
            in_body,
        });
    all.chain(oversized()).collect()
}

/// Every hostile response.
pub(crate) fn responses() -> Vec<Response> {
    let heads = HEADS.iter().map(|c| (c, false)).chain(CHUNKS.iter().map(|c| (c, true)));
    let fixed = heads.map(|(&(name, method, section, bytes), in_body)| Response {
        name,
        method,
        bytes: Cow::Borrowed(bytes),
        section,
        in_body,
    });
    let large = |name, bytes: Vec<u8>| Response {
        name,
        method: "GET",
        bytes: Cow::Owned(bytes),
        section: "RFC 6585 5",
        in_body: false,
    };
    let head = b"HTTP/1.1 200 OK\r\n".as_slice();
    let wide = [head, b"x: ", &[b'a'; 70_000], b"\r\n\r\n"].concat();
    let many = [head, &b"x: y\r\n".repeat(101), b"\r\n"].concat();
    fixed
        .chain([large("head over 64 KiB", wide), large("101 fields", many)])
        .collect()
}

type Case = (&'static str, u16, &'static str, &'static [u8]);

#[rustfmt::skip] // one row per case
const LINES: &[Case] = &[
    ("two empty lines first", 400, "RFC 9112 3.1", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("leading space", 400, "RFC 9112 3.1", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("leading bare LF", 400, "RFC 9112 3.1", b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("TLS hello on a cleartext port", 400, "RFC 9112 3.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ("method with a bracket", 400, "RFC 9112 3.1", b"GE{T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("tab behind the method", 400, "RFC 9112 3.1", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("endless method", 501, "RFC 9112 3", b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("two spaces behind the method", 400, "RFC 9112 3", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("two spaces before the version", 400, "RFC 9112 3", b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("space in the target", 400, "RFC 9112 3", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("space behind the version", 400, "RFC 9112 3", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    ("HTTP/0.9", 400, "RFC 9112 3", b"GET /\r\n\r\n"),
    ("lower-case version", 400, "RFC 9112 2.3", b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    ("two-digit version", 400, "RFC 9112 2.3", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    ("version 1.2", 505, "RFC 9110 15.6.6", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    ("version 2.0 in words", 505, "RFC 9110 15.6.6", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("HTTP/2 preface", 505, "RFC 9113 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("bare LF behind the request line", 400, "RFC 9112 2.2", b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    ("bare LF behind a field", 400, "RFC 9112 2.2", b"GET / HTTP/1.1\r\nHost: a\n\r\n"),
    ("bare LF as the empty line", 400, "RFC 9112 2.2", b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    ("CR in the version", 400, "RFC 9112 2.3", b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    ("CONNECT", 501, "RFC 9110 9.3.6", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
];

#[rustfmt::skip] // one row per case
const FRAMING: &[Case] = &[
    ("CL.TE", 400, "RFC 9112 6.1", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"),
    ("TE.CL", 400, "RFC 9112 6.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\nG\r\n0\r\n\r\n"),
    ("same length twice", 400, "RFC 9112 6.3", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
    ("two lengths", 400, "RFC 9112 6.3", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
    ("list of lengths", 400, "RFC 9110 8.6", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx"),
    ("length with plus", 400, "RFC 9110 8.6", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"),
    ("negative length", 400, "RFC 9110 8.6", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx"),
    ("hexadecimal length", 400, "RFC 9110 8.6", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx"),
    ("length with a space in it", 400, "RFC 9110 8.6", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\nx"),
    ("empty length", 400, "RFC 9110 8.6", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nx"),
    ("length over 64 bits", 400, "RFC 9110 8.6", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\nx"),
    ("fractional length", 400, "RFC 9110 8.6", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1.0\r\n\r\nx"),
    ("two Transfer-Encoding fields", 400, "RFC 9112 6.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    ("identity", 400, "RFC 9112 6.3", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
    ("xchunked", 400, "RFC 9112 6.3", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("chunked twice", 400, "RFC 9112 6.3", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked not last", 400, "RFC 9112 6.3", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("chunked in quotes", 400, "RFC 9112 6.3", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    ("chunked with a parameter", 400, "RFC 9112 6.3", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    ("empty coding", 400, "RFC 9112 6.3", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n"),
    ("coding with vertical tab", 400, "RFC 9110 5.5", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("gzip, chunked", 501, "RFC 9112 6.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked in HTTP/1.0", 400, "RFC 9112 6.1", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("TRACE with a body", 400, "RFC 9110 9.3.8", b"TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"),
    ("unknown expectation", 417, "RFC 9110 10.1.1", b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\nx"),
    ("two expectations", 400, "RFC 9110 10.1.1", b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: x\r\nContent-Length: 1\r\n\r\nx"),
];

#[rustfmt::skip] // one row per case
const FIELDS: &[Case] = &[
    ("space before the colon", 400, "RFC 9112 5.1", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    ("tab before the colon", 400, "RFC 9112 5.1", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 0\r\n\r\n"),
    ("obs-fold", 400, "RFC 9112 5.2", b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
    ("space before the first field", 400, "RFC 9112 5.2", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    ("line of a space", 400, "RFC 9112 5.2", b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n"),
    ("no name", 400, "RFC 9110 5.1", b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
    ("no colon", 400, "RFC 9112 5", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\r\n\r\n"),
    ("NUL in a name", 400, "RFC 9110 5.1", b"GET / HTTP/1.1\r\nHost: a\r\nX\x00Y: b\r\n\r\n"),
    ("8-bit name", 400, "RFC 9110 5.1", b"GET / HTTP/1.1\r\nHost: a\r\nX\xffY: b\r\n\r\n"),
    ("NUL in a value", 400, "RFC 9110 5.5", b"GET / HTTP/1.1\r\nHost: a\r\nX: b\x00c\r\n\r\n"),
    ("CR in a value", 400, "RFC 9110 5.5", b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rGET\r\n\r\n"),
    ("two CR at the end", 400, "RFC 9110 5.5", b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n"),
    ("escape in a value", 400, "RFC 9110 5.5", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x1b[31m\r\n\r\n"),
    ("DEL in a value", 400, "RFC 9110 5.5", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n"),
    ("no Host", 400, "RFC 9112 3.2", b"GET / HTTP/1.1\r\n\r\n"),
    ("two Hosts", 400, "RFC 9112 3.2", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("empty Host", 400, "RFC 9112 3.2", b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    ("Host with user", 400, "RFC 9112 3.2", b"GET / HTTP/1.1\r\nHost: me@a\r\n\r\n"),
    ("Host with path", 400, "RFC 9112 3.2", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("list of Hosts", 400, "RFC 9112 3.2", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    ("Host with port 99999", 400, "RFC 9112 3.2", b"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"),
    ("Host with empty label", 400, "RFC 9112 3.2", b"GET / HTTP/1.1\r\nHost: a..b\r\n\r\n"),
    ("Host with a broken address", 400, "RFC 9112 3.2", b"GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n"),
    ("invalid Host in HTTP/1.0", 400, "RFC 9112 3.2", b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n"),
    ("Connection strikes Host out", 400, "RFC 9110 7.6.1", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, host\r\n\r\n"),
    ("Connection strikes X-Forwarded-For out", 400, "RFC 9110 7.6.1", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\nX-Forwarded-For: b\r\n\r\n"),
    ("connection option with a space", 400, "RFC 9110 7.6.1", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n"),
    ("33 connection options", 400, "RFC 9110 7.6.1", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: ,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\r\n\r\n"),
    ("twin of Content-Length", 400, "RFC 3875 4.1.18", b"GET / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n"),
    ("twin of X-Forwarded-For", 400, "RFC 3875 4.1.18", b"GET / HTTP/1.1\r\nHost: a\r\nx_forwarded-for: b\r\n\r\n"),
];

#[rustfmt::skip] // one row per case
const TARGETS: &[Case] = &[
    ("relative path", 400, "RFC 9112 3.2", b"GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("authority form", 400, "RFC 9112 3.2", b"GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    ("another scheme", 400, "RFC 9112 3.2", b"GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("asterisk without OPTIONS", 400, "RFC 9112 3.2.4", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("fragment", 400, "RFC 9112 3.2", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("fragment behind the authority", 400, "RFC 9112 3.2", b"GET http://a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("fragment in the query", 400, "RFC 3986 3.4", b"GET /?a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("8-bit query", 400, "RFC 3986 3.4", b"GET /?\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("8-bit path", 400, "RFC 3986 3.3", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("tab in the path", 400, "RFC 3986 3.3", b"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("NUL in the path", 400, "RFC 3986 3.3", b"GET /a\x00b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("backslash", 400, "RFC 3986 3.3", b"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("angle bracket", 400, "RFC 3986 3.3", b"GET /<a> HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("encoded NUL", 400, "RFC 3986 7.3", b"GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("encoded line end", 400, "RFC 3986 7.3", b"GET /a%0d%0aX:b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("encoded slash", 400, "RFC 3986 2.2", b"GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("encoded backslash", 400, "RFC 3986 2.2", b"GET /a%5Cb HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("half an escape", 400, "RFC 3986 2.1", b"GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("escape without hex", 400, "RFC 3986 2.1", b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("overlong slash", 400, "RFC 3986 2.5", b"GET /..%c0%af HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("half a UTF-8 sequence", 400, "RFC 3986 2.5", b"GET /%c3 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("dot segment", 400, "RFC 3986 5.2.4", b"GET /./a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("parent segment", 400, "RFC 3986 5.2.4", b"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("parent segment at the end", 400, "RFC 3986 5.2.4", b"GET /a/.. HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("encoded parent segment", 400, "RFC 3986 5.2.4", b"GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("half-encoded parent segment", 400, "RFC 3986 5.2.4", b"GET /a/.%2e/b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("parent segment with a parameter", 400, "RFC 3986 5.2.4", b"GET /a/..;x=1/b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("empty segment", 400, "RFC 3986 3.3", b"GET //a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("absolute target with user", 400, "RFC 9110 4.2.1", b"GET http://me@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("absolute target without host", 400, "RFC 9110 4.2.1", b"GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("absolute target for another host", 400, "RFC 9112 3.2.2", b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("absolute target for another port", 400, "RFC 9112 3.2.2", b"GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"),
];

#[rustfmt::skip] // one row per case
const BODIES: &[Case] = &[
    ("chunk size 0x1", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n"),
    ("chunk size +1", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n"),
    ("no chunk size", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nx\r\n0\r\n\r\n"),
    ("only an extension", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\nx\r\n0\r\n\r\n"),
    ("space behind the chunk size", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n"),
    ("17-digit chunk size", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000001\r\nx\r\n0\r\n\r\n"),
    ("bare LF behind the chunk size", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n"),
    ("bare CR behind the chunk size", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\rx\r\n0\r\n\r\n"),
    ("chunk longer than its size", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n"),
    ("bare LF behind chunk data", 400, "RFC 9112 7.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n"),
    ("nameless chunk extension", 400, "RFC 9112 7.1.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;\r\nx\r\n0\r\n\r\n"),
    ("LF in a chunk extension", 400, "RFC 9112 7.1.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nx\r\n0\r\n\r\n"),
    ("Content-Length as a trailer", 400, "RFC 9110 6.5.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n"),
    ("Authorization as a trailer", 400, "RFC 9110 6.5.1", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: x\r\n\r\n"),
    ("folded trailer", 400, "RFC 9112 5.2", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n"),
    ("bare LF ends the trailers", 400, "RFC 9112 2.2", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n"),
];

/// Messages that are only large, with the default limits.
fn oversized() -> Vec<Request> {
    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n";
    const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let fill = |n| vec![b'a'; n];
    let cookies = [
        HEAD,
        b"Cookie: ",
        &fill(20_000),
        b"\r\nCookie: ",
        &fill(20_000),
        b"\r\n\r\n",
    ]
    .concat();
    let extension = [CHUNKED, b"1;", &fill(5_000), b"\r\nx\r\n0\r\n\r\n"].concat();
    let trailers = [CHUNKED, b"0\r\nX: ", &fill(10_000), b"\r\n\r\n"].concat();
    let large = |name, status, section, bytes| Request {
        name,
        bytes: Cow::Owned(bytes),
        status,
        section,
        in_body: false,
    };
    let body = |name, status, section, bytes| Request {
        in_body: true,
        ..large(name, status, section, bytes)
    };
    vec![
        large(
            "target over 16 KiB",
            414,
            "RFC 9110 15.5.15",
            [b"GET /", &*fill(16_400), b" HTTP/1.1\r\n\r\n"].concat(),
        ),
        large(
            "request line without end",
            414,
            "RFC 9110 15.5.15",
            [b"GET /", &*fill(70_000)].concat(),
        ),
        large(
            "head over 64 KiB",
            431,
            "RFC 6585 5",
            [HEAD, b"x: ", &fill(70_000), b"\r\n\r\n"].concat(),
        ),
        large(
            "101 fields",
            431,
            "RFC 6585 5",
            [HEAD, &b"x: y\r\n".repeat(100), b"\r\n"].concat(),
        ),
        large(
            "101 cookies",
            431,
            "RFC 6585 5",
            [HEAD, &b"cookie: y\r\n".repeat(101), b"\r\n"].concat(),
        ),
        large("cookies over 32 KiB", 431, "RFC 6585 5", cookies),
        body("chunk extensions over 4 KiB", 400, "RFC 9112 7.1.1", extension),
        body("trailers over 8 KiB", 431, "RFC 6585 5", trailers),
    ]
}

type Answer = (&'static str, &'static str, &'static str, &'static [u8]);

#[rustfmt::skip] // one row per case
const HEADS: &[Answer] = &[
    ("not HTTP", "GET", "RFC 9112 4", b"SSH-2.0-OpenSSH_9.2\r\n"),
    ("empty line first", "GET", "RFC 9112 4", b"\r\nHTTP/1.1 200 OK\r\n\r\n"),
    ("version 1.2", "GET", "RFC 9112 4", b"HTTP/1.2 200 OK\r\n\r\n"),
    ("version 2", "GET", "RFC 9112 4", b"HTTP/2 200 OK\r\n\r\n"),
    ("lower-case version", "GET", "RFC 9112 4", b"Http/1.1 200 OK\r\n\r\n"),
    ("no status", "GET", "RFC 9112 4", b"HTTP/1.1 \r\n\r\n"),
    ("two-digit status", "GET", "RFC 9112 4", b"HTTP/1.1 20 OK\r\n\r\n"),
    ("four-digit status", "GET", "RFC 9112 4", b"HTTP/1.1 2000 OK\r\n\r\n"),
    ("status 099", "GET", "RFC 9112 4", b"HTTP/1.1 099 OK\r\n\r\n"),
    ("status in letters", "GET", "RFC 9112 4", b"HTTP/1.1 2x0 OK\r\n\r\n"),
    ("two spaces before the status", "GET", "RFC 9112 4", b"HTTP/1.1  200 OK\r\n\r\n"),
    ("control character in the reason", "GET", "RFC 9112 4", b"HTTP/1.1 200 O\x01K\r\n\r\n"),
    ("bare LF behind the status line", "GET", "RFC 9112 2.2", b"HTTP/1.1 200 OK\n\r\n"),
    ("bare LF behind a field", "GET", "RFC 9112 2.2", b"HTTP/1.1 200 OK\r\nA: b\n\r\n"),
    ("obs-fold", "GET", "RFC 9112 5.2", b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
    ("space before the colon", "GET", "RFC 9112 5.1", b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"),
    ("NUL in a value", "GET", "RFC 9110 5.5", b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n"),
    ("CR in a value", "GET", "RFC 9110 5.5", b"HTTP/1.1 200 OK\r\nLocation: /\rSet-Cookie: a\r\n\r\n"),
    ("length and chunked", "GET", "RFC 9112 6.1", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("length and chunked to HEAD", "HEAD", "RFC 9112 6.1", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("two lengths", "GET", "RFC 9112 6.3", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
    ("list of lengths", "GET", "RFC 9110 8.6", b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nxx"),
    ("negative length", "GET", "RFC 9110 8.6", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    ("chunked twice", "GET", "RFC 9112 6.3", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("gzip, chunked", "GET", "RFC 9112 6.1", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked in HTTP/1.0", "GET", "RFC 9112 6.1", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("101 to a plain request", "GET", "RFC 9110 15.2.2", b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ("204 with a body", "GET", "RFC 9110 8.6", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
    ("204 chunked", "GET", "RFC 9110 8.6", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("103 with a body", "GET", "RFC 9110 8.6", b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello"),
];

#[rustfmt::skip] // one row per case
const CHUNKS: &[Answer] = &[
    ("chunk size in words", "GET", "RFC 9112 7.1", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n0\r\n\r\n"),
    ("chunk longer than its size", "GET", "RFC 9112 7.1", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n0\r\n\r\n"),
    ("chunk size over 64 bits", "GET", "RFC 9112 7.1", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
    ("Set-Cookie as a trailer", "GET", "RFC 9110 6.5.1", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nSet-Cookie: a\r\n\r\n"),
];

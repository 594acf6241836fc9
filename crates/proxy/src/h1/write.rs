//! Pieces of heads that the proxy writes itself.

use bytes::BufMut;

/// The interim response that lets a waiting client send its body (RFC 9110 section 15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Writes `HTTP/1.1 <status> <reason>` with its line end.
pub fn status_line(out: &mut impl BufMut, status: u16) {
    out.put_slice(b"HTTP/1.1 ");
    decimal(out, u64::from(status));
    out.put_u8(b' ');
    out.put_slice(reason(status).as_bytes());
    out.put_slice(b"\r\n");
}

/// Writes one field line. Name and value must be what a parser here has accepted, or the proxy's own constants.
pub fn field(out: &mut impl BufMut, name: &[u8], value: &[u8]) {
    out.put_slice(name);
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// Writes a `Content-Length` line.
pub fn content_length(out: &mut impl BufMut, length: u64) {
    out.put_slice(b"content-length: ");
    decimal(out, length);
    out.put_slice(b"\r\n");
}

/// Writes a number in decimal digits.
pub fn decimal(out: &mut impl BufMut, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.put_slice(&digits[at..]);
}

/// The reason phrase of a status (RFC 9110 section 15, RFC 6585); empty for one without a name.
pub fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason())
        .unwrap_or("")
}

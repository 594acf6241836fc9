//! Character classes of RFC 9110 section 5.6.2 and RFC 3986 as tables, one lookup per byte.

/// `tchar` (RFC 9110 section 5.6.2).
pub(super) static TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~");

/// What may stand unencoded in a path: `pchar` and `/` (RFC 3986 section 3.3), and `[`, `]`, `|`, which browsers send
/// as they are (WHATWG URL, path percent-encode set) and which nobody reads in two ways.
pub(super) static PATH: [bool; 256] = table(b"-._~!$&'()*+,;=:@/[]|");

/// `unreserved` (RFC 3986 section 2.3): encoded or not, it means the same.
pub(super) static UNRESERVED: [bool; 256] = table(b"-._~");

const fn table(marks: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = (b as u8).is_ascii_alphanumeric();
        b += 1;
    }
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = true;
        i += 1;
    }
    table
}

/// Whether this is a token.
#[inline]
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| TOKEN[b as usize])
}

/// Whether a field value holds only what RFC 9110 section 5.5 allows: no control character but the tab. Written without
/// a branch so that the compiler makes it a vector loop.
#[inline]
pub(super) fn is_value(bytes: &[u8]) -> bool {
    !bytes
        .iter()
        .fold(false, |bad, &b| bad | ((b < 0x20) & (b != b'\t')) | (b == 0x7f))
}

/// Whether all is printable ASCII without space and without `#`: a query.
#[inline]
pub(super) fn is_query(bytes: &[u8]) -> bool {
    !bytes
        .iter()
        .fold(false, |bad, &b| bad | (b <= 0x20) | (b >= 0x7f) | (b == b'#'))
}

/// Optional whitespace (RFC 9110 section 5.6.3) off both ends.
#[inline]
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// `1*DIGIT` as a number; nothing else, no sign, no overflow.
pub(super) fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0u64, |n, &b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

/// One hexadecimal digit.
#[inline]
pub(super) fn hex(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

//! One canonical path, the same for routing, policy and upstream.
//!
//! Two paths that RFC 3986 section 6.2.2 calls equivalent must match the same route, or a rule for `/admin` is passed
//! by `/%61dmin`: an encoded unreserved character is decoded and hexadecimal digits become capitals. That is no repair,
//! it changes no meaning. Everything that *could* change meaning behind the gateway is refused: dot segments in any
//! spelling (clients resolve them before they send, RFC 3986 section 5.2.4), empty segments, encoded slashes and
//! backslashes, control characters, NUL, octets that are no UTF-8 (overlong forms of `/` and `.`).

use super::ascii::{PATH, UNRESERVED, hex};
use super::{Limits, Reject, Span};

/// Where the canonical path is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Path {
    /// As it was sent.
    Sent(Span),
    /// `/`, for an absolute target without a path.
    #[default]
    Root,
    /// `*` of `OPTIONS *`.
    Asterisk,
    /// In the head's own buffer, because it was sent in another spelling.
    Rewritten,
}

/// Finds the canonical form of a path that begins with `/`; `rewritten` is filled when that is not the sent form.
pub(super) fn canonical(buf: &[u8], span: Span, limits: &Limits, rewritten: &mut Vec<u8>) -> Result<Path, Reject> {
    let sent = span.of(buf);
    let (mut encoded, mut suspicious, mut previous) = (false, false, 0);
    for &b in sent {
        if !PATH[b as usize] {
            encoded |= b == b'%';
            if b != b'%' {
                return Err(bad_byte(b));
            }
        }
        suspicious |= previous == b'/' && (b == b'.' || b == b'/');
        previous = b;
    }
    if encoded {
        decode(sent, limits, rewritten)?;
        segments(rewritten, limits)?;
        return Ok(if rewritten.as_slice() == sent {
            Path::Sent(span)
        } else {
            Path::Rewritten
        });
    }
    if suspicious {
        segments(sent, limits)?;
    }
    Ok(Path::Sent(span))
}

/// Writes the path with unreserved characters decoded and the other escapes in capitals.
fn decode(sent: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<(), Reject> {
    out.clear();
    let mut rest = sent;
    while let [b, tail @ ..] = rest {
        if *b != b'%' {
            out.push(*b);
            rest = tail;
            continue;
        }
        let octet = escape(rest)?;
        if octet >= 0x80 {
            rest = &rest[utf8(rest, out)?..];
            continue;
        }
        check_octet(octet, limits)?;
        push(octet, out);
        rest = &rest[3..];
    }
    Ok(())
}

/// One whole UTF-8 sequence of escapes; answers how many bytes of the path it took.
fn utf8(rest: &[u8], out: &mut Vec<u8>) -> Result<usize, Reject> {
    const NOT_UTF8: Reject = Reject::bad("the path is not UTF-8", "RFC 3986 2.5");
    let mut octets = [0u8; 4];
    for n in 0..4 {
        let at = rest.get(n * 3..).filter(|r| r.first() == Some(&b'%')).ok_or(NOT_UTF8)?;
        octets[n] = escape(at)?;
        if std::str::from_utf8(&octets[..=n]).is_ok() {
            octets[..=n].iter().for_each(|&o| push(o, out));
            return Ok((n + 1) * 3);
        }
    }
    Err(NOT_UTF8)
}

fn escape(rest: &[u8]) -> Result<u8, Reject> {
    match rest {
        [b'%', high, low, ..] => hex(*high).zip(hex(*low)).map(|(h, l)| h << 4 | l),
        _ => None,
    }
    .ok_or(Reject::bad(
        "a percent sign without two hexadecimal digits",
        "RFC 3986 2.1",
    ))
}

fn check_octet(octet: u8, limits: &Limits) -> Result<(), Reject> {
    match octet {
        0 => Err(Reject::bad("the path holds an encoded NUL", "RFC 3986 7.3")),
        0x01..=0x1f | 0x7f => Err(Reject::bad(
            "the path holds an encoded control character",
            "RFC 3986 7.3",
        )),
        b'/' | b'\\' if !limits.encoded_slash => Err(Reject::bad(
            "the path holds an encoded slash or backslash",
            "RFC 3986 2.2",
        )),
        _ => Ok(()),
    }
}

fn push(octet: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if UNRESERVED[octet as usize] {
        out.push(octet);
    } else {
        out.extend_from_slice(&[b'%', DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]]);
    }
}

/// Refuses dot segments, also with a path parameter behind them (`/..;x/`, which servlet containers resolve), and empty
/// segments other than the last.
fn segments(path: &[u8], limits: &Limits) -> Result<(), Reject> {
    let mut rest = &path[1..];
    loop {
        let (segment, more) = match memchr::memchr(b'/', rest) {
            Some(slash) => (&rest[..slash], Some(&rest[slash + 1..])),
            None => (rest, None),
        };
        let bare = segment.split(|&b| b == b';').next().unwrap_or_default();
        if bare == b"." || bare == b".." {
            return Err(Reject::bad("the path holds a dot segment", "RFC 3986 5.2.4"));
        }
        let Some(more) = more else { return Ok(()) };
        if segment.is_empty() && !limits.empty_segments {
            return Err(Reject::bad("the path holds an empty segment", "RFC 3986 3.3"));
        }
        rest = more;
    }
}

#[cold]
fn bad_byte(b: u8) -> Reject {
    match b {
        b'#' => Reject::bad("the target holds a fragment", "RFC 9112 3.2"),
        b'\\' => Reject::bad("the path holds a backslash", "RFC 3986 3.3"),
        _ => Reject::bad("the path holds a character that must be encoded", "RFC 3986 3.3"),
    }
}

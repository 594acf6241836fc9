//! `uri-host [ ":" port ]` (RFC 9110 section 7.2), stricter than the grammar.

use std::net::Ipv6Addr;

use super::Span;

/// A valid authority. `name` has no port and no final dot, so that `shop.local.` and `shop.local` are one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) name: Span,
    pub(super) port: Option<u16>,
}

impl Authority {
    /// Accepts host names of letters, digits, `-`, `_` and `.`, IPv4 and bracketed IPv6 addresses, with or without a
    /// port. The grammar's percent-encoding, sub-delimiters, user information and empty port are refused: no host that
    /// a route can name needs them, and every one of them has been read in two ways by somebody.
    pub(super) fn parse(buf: &[u8], span: Span) -> Option<Authority> {
        let bytes = span.of(buf);
        let host_len = match bytes.first()? {
            b'[' => bracketed(bytes)?,
            _ => memchr::memchr(b':', bytes).unwrap_or(bytes.len()),
        };
        let port = match bytes.get(host_len..)? {
            [] => None,
            [b':', digits @ ..] => Some(port(digits)?),
            _ => return None,
        };
        let mut name_len = host_len;
        if bytes[0] != b'[' {
            name_len -= usize::from(bytes[..host_len].last() == Some(&b'.'));
            is_name(&bytes[..name_len]).then_some(())?;
        }
        let start = span.start as usize;
        Some(Authority {
            name: Span::new(start, start + name_len),
            port,
        })
    }

    /// Whether both are the same host and port, an absent port being the default one.
    pub(super) fn agrees(self, other: Authority, buf: &[u8], default_port: u16) -> bool {
        self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
            && self.name.of(buf).eq_ignore_ascii_case(other.name.of(buf))
    }
}

fn bracketed(bytes: &[u8]) -> Option<usize> {
    let close = memchr::memchr(b']', bytes)?;
    let address = std::str::from_utf8(&bytes[1..close]).ok()?;
    address.parse::<Ipv6Addr>().ok()?;
    Some(close + 1)
}

fn port(digits: &[u8]) -> Option<u16> {
    let number = super::ascii::decimal(digits).filter(|_| digits.len() <= 5)?;
    u16::try_from(number).ok()
}

/// Labels of at least one character, 253 characters at most (RFC 1035 section 2.3.4).
fn is_name(name: &[u8]) -> bool {
    let mut previous = b'.';
    let sound = name.iter().all(|&b| {
        let ok = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_') || (b == b'.' && previous != b'.');
        previous = b;
        ok
    });
    sound && previous != b'.' && name.len() <= 253
}

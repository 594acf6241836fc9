//! What the field lines of a head say about framing and about the connection.

use super::ascii::{self, decimal};
use super::{Field, Limits, Name, Reject, Span};

/// Connection options a head may carry; more is an attempt to make us compare names all day.
const MAX_OPTIONS: u32 = 32;

/// Collected line by line; rules that need the whole head are applied by [`Facts::finish`] and by the heads themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) host: Option<Span>,
    pub(super) content_length: Option<u64>,
    pub(super) transfer_encoding: Option<Span>,
    pub(super) expect: Option<Span>,
    /// The one `Upgrade` field; with several of them nothing is upgraded.
    upgrade: Option<Span>,
    upgrades: u32,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    upgrade_option: bool,
    te_option: bool,
    te_trailers: bool,
    nominates: bool,
    options: u32,
    headers: usize,
    cookies: usize,
    cookie_bytes: usize,
}

impl Facts {
    /// Takes one field line into account.
    #[inline]
    pub(super) fn note(&mut self, buf: &[u8], field: &Field, limits: &Limits) -> Result<(), Reject> {
        if field.id == Name::Cookie {
            return self.cookie(field.value, limits);
        }
        self.headers += 1;
        if self.headers > limits.max_headers {
            return Err(Reject::too_large(431, "too many header fields", "RFC 6585 5"));
        }
        match field.id {
            Name::Host => once(&mut self.host, field.value, "more than one Host field", "RFC 9112 3.2"),
            Name::ContentLength => self.length(field.value.of(buf)),
            Name::TransferEncoding => {
                let detail = "more than one Transfer-Encoding field";
                once(&mut self.transfer_encoding, field.value, detail, "RFC 9112 6.1")
            }
            Name::Connection => self.connection(field.value.of(buf)),
            Name::Expect => once(
                &mut self.expect,
                field.value,
                "more than one Expect field",
                "RFC 9110 10.1.1",
            ),
            Name::Upgrade => {
                self.upgrade = Some(field.value);
                self.upgrades += 1;
                Ok(())
            }
            Name::Te => {
                self.te_trailers |= list(field.value.of(buf)).any(|t| t.eq_ignore_ascii_case(b"trailers"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Once all lines are in: framing that contradicts itself is refused, and what `Connection` names becomes
    /// hop-by-hop.
    pub(super) fn finish(&self, buf: &[u8], fields: &mut [Field]) -> Result<(), Reject> {
        if self.transfer_encoding.is_some() && self.content_length.is_some() {
            return Err(Reject::bad("both Content-Length and Transfer-Encoding", "RFC 9112 6.1"));
        }
        if !self.nominates {
            return Ok(());
        }
        for i in 0..fields.len() {
            if fields[i].id == Name::Connection {
                nominate(buf, fields[i].value, fields)?;
            }
        }
        Ok(())
    }

    /// `TE: trailers` with the connection option that it needs (RFC 9110 section 10.1.4).
    pub(super) fn te_trailers(&self) -> bool {
        self.te_trailers && self.te_option
    }

    /// The `Upgrade` value when it is WebSocket and `Connection` announces it (RFC 6455 section 4.1); any other
    /// protocol is ignored, as RFC 9110 section 7.8 allows, and never tunnelled.
    pub(super) fn websocket(&self, buf: &[u8]) -> Option<Span> {
        let value = self.upgrade.filter(|_| self.upgrades == 1 && self.upgrade_option)?;
        value.of(buf).eq_ignore_ascii_case(b"websocket").then_some(value)
    }

    /// Whether the transfer coding is `chunked` and nothing else. Another known coding in front of it is one that is
    /// not offered (RFC 9112 section 6.1: 501); where chunked is not last, the end of the body cannot be known (6.3).
    pub(super) fn chunked(&self, buf: &[u8]) -> Result<bool, Reject> {
        let Some(value) = self.transfer_encoding else {
            return Ok(false);
        };
        let value = value.of(buf);
        if value.eq_ignore_ascii_case(b"chunked") {
            return Ok(true);
        }
        let known = |c: &[u8]| {
            [&b"gzip"[..], b"x-gzip", b"deflate", b"compress"]
                .iter()
                .any(|k| c.eq_ignore_ascii_case(k))
        };
        let codings = list(value).count();
        let is_last = list(value).last().is_some_and(|c| c.eq_ignore_ascii_case(b"chunked"));
        if codings > 1 && is_last && list(value).take(codings - 1).all(known) {
            return Err(Reject::status(
                501,
                "a transfer coding other than chunked",
                "RFC 9112 6.1",
            ));
        }
        Err(Reject::bad("Transfer-Encoding is not exactly chunked", "RFC 9112 6.3"))
    }

    fn cookie(&mut self, value: Span, limits: &Limits) -> Result<(), Reject> {
        self.cookies += 1;
        self.cookie_bytes += value.len();
        if self.cookies > limits.max_cookies || self.cookie_bytes > limits.max_cookie_bytes {
            return Err(Reject::too_large(431, "too many cookies", "RFC 6585 5"));
        }
        Ok(())
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Reject> {
        if self.content_length.is_some() {
            return Err(Reject::bad("more than one Content-Length field", "RFC 9112 6.3"));
        }
        let length = decimal(value);
        self.content_length = length;
        length
            .map(drop)
            .ok_or(Reject::bad("Content-Length is not one decimal number", "RFC 9110 8.6"))
    }

    fn connection(&mut self, value: &[u8]) -> Result<(), Reject> {
        for option in list(value) {
            self.options += 1;
            if self.options > MAX_OPTIONS {
                return Err(Reject::bad("too many connection options", "RFC 9110 7.6.1"));
            }
            match option.len() {
                5 if option.eq_ignore_ascii_case(b"close") => self.close = true,
                10 if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                7 if option.eq_ignore_ascii_case(b"upgrade") => self.upgrade_option = true,
                2 if option.eq_ignore_ascii_case(b"te") => self.te_option = true,
                0 => {}
                _ if ascii::is_token(option) => self.nominates = true,
                _ => return Err(Reject::bad("a connection option is not a token", "RFC 9110 7.6.1")),
            }
        }
        Ok(())
    }
}

fn once(slot: &mut Option<Span>, value: Span, detail: &'static str, section: &'static str) -> Result<(), Reject> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Reject::bad(detail, section)),
    }
}

/// Members of a comma-separated list (RFC 9110 section 5.6.1); empty ones are there, as empty slices.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(ascii::trim)
}

/// Makes the fields that one `Connection` value names hop-by-hop. A field that is meant for every recipient, or that
/// the proxy itself vouches for, may not be struck out that way (RFC 9110 section 7.6.1; the `X-Forwarded-*` trick).
fn nominate(buf: &[u8], value: Span, fields: &mut [Field]) -> Result<(), Reject> {
    for option in list(value.of(buf)).filter(|o| !o.is_empty()) {
        let id = Name::of(option);
        if id.is_hop_by_hop() || id == Name::Trailer {
            continue;
        }
        if id != Name::Other {
            return Err(Reject::bad(
                "Connection names a field that is not hop-by-hop",
                "RFC 9110 7.6.1",
            ));
        }
        for field in fields.iter_mut().filter(|f| f.name.len() == option.len()) {
            field.hop |= field.name.of(buf).eq_ignore_ascii_case(option);
        }
    }
    Ok(())
}

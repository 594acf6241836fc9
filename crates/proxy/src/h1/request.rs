//! Request heads.

use super::ascii::TOKEN;
use super::authority::Authority;
use super::facts::Facts;
use super::lines::Lines;
use super::path::Path;
use super::{Field, Form, Limits, Method, Name, Progress, Reject, Span, Version, field, target};

/// A method name longer than any in use (RFC 9112 section 3 answers 501).
const MAX_METHOD: usize = 32;

/// How the body behind a request head is framed (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Body {
    #[default]
    None,
    /// Exactly this many bytes, at least one.
    Length(u64),
    Chunked,
}

/// A request head, to be used again and again: after the first few requests it has all the room it needs. The public
/// fields hold once [`parse_request`] has answered [`Progress::Done`].
#[derive(Debug, Default)]
pub struct RequestHead {
    pub method: Method,
    pub method_name: Span,
    /// The whole target as it was sent.
    pub target: Span,
    pub form: Form,
    /// Without the question mark.
    pub query: Option<Span>,
    /// The authority the request is for, with its port: of an absolute target, else of `Host`. Empty only in an
    /// HTTP/1.0 request that names none.
    pub authority: Span,
    /// The authority without port and final dot, as it was sent (compare without regard to case).
    pub host: Span,
    pub port: Option<u16>,
    pub version: Version,
    pub fields: Vec<Field>,
    pub body: Body,
    /// Whether the client lets the connection live on after the answer.
    pub keep_alive: bool,
    /// The client waits for `100 Continue` before it sends its body.
    pub expect_continue: bool,
    /// The `Upgrade` token of a sound WebSocket handshake, the only protocol that is ever tunnelled.
    pub upgrade: Option<Span>,
    /// The client takes trailer fields.
    pub te_trailers: bool,
    path: Path,
    rewritten: Vec<u8>,
    has_authority: Option<(Authority, u16)>,
    lines: Lines,
    phase: Phase,
    facts: Facts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Start,
    /// One empty line was there; RFC 9112 section 2.2 asks to overlook at least one, and one is enough.
    AfterEmptyLine,
    Fields,
    Finished,
}

/// Parses a request head at the start of `buf`. After [`Progress::Partial`] it goes on where it stopped when it is
/// called again with the same bytes and more; after anything else the next call begins a new head.
pub fn parse_request(buf: &[u8], limits: &Limits, head: &mut RequestHead) -> Result<Progress, Reject> {
    if head.phase == Phase::Finished {
        head.reset();
    }
    let result = head.advance(buf, limits);
    if result != Ok(Progress::Partial) {
        head.phase = Phase::Finished;
    }
    result
}

impl RequestHead {
    /// Forgets a head that was begun, so that the next parse begins anew.
    pub fn reset(&mut self) {
        let (mut fields, mut rewritten) = (std::mem::take(&mut self.fields), std::mem::take(&mut self.rewritten));
        fields.clear();
        rewritten.clear();
        *self = RequestHead {
            fields,
            rewritten,
            ..RequestHead::default()
        };
    }

    /// The canonical path: what routes are matched with and what goes upstream. Never empty.
    #[inline]
    pub fn path<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        match self.path {
            Path::Sent(span) => span.of(buf),
            Path::Root => b"/",
            Path::Asterisk => b"*",
            Path::Rewritten => &self.rewritten,
        }
    }

    /// The value of the first field of this name.
    pub fn value<'a>(&self, id: Name, buf: &'a [u8]) -> Option<&'a [u8]> {
        self.fields.iter().find(|f| f.id == id).map(|f| f.value.of(buf))
    }

    fn advance(&mut self, buf: &[u8], limits: &Limits) -> Result<Progress, Reject> {
        while self.phase != Phase::Fields {
            if !self.first_line(buf, limits)? {
                return Ok(Progress::Partial);
            }
        }
        let window = &buf[..buf.len().min(limits.max_head)];
        while let Some(line) = self.lines.next(window)? {
            if line.is_empty() {
                self.finish(buf)?;
                return Ok(Progress::Done(self.lines.start));
            }
            let field = field::parse(buf, line)?;
            self.facts.note(buf, &field, limits)?;
            self.refuse_alias(buf, &field)?;
            self.fields.push(field);
        }
        if window.len() >= limits.max_head {
            return Err(Reject::too_large(431, "the head is too large", "RFC 6585 5"));
        }
        Ok(Progress::Partial)
    }

    /// One step towards the request line; answers whether there was a line.
    fn first_line(&mut self, buf: &[u8], limits: &Limits) -> Result<bool, Reject> {
        let first = buf.get(self.lines.start);
        if first.is_some_and(|&b| !TOKEN[b as usize] && b != b'\r') {
            return Err(Reject::bad("the request does not begin with a method", "RFC 9112 3.1"));
        }
        let max_line = limits
            .max_head
            .min(limits.max_target + MAX_METHOD + b"\r\n  HTTP/1.1\r\n".len());
        let window = &buf[..buf.len().min(max_line)];
        match self.lines.next(window)? {
            Some(line) if line.is_empty() && self.phase == Phase::Start => self.phase = Phase::AfterEmptyLine,
            Some(line) => {
                self.request_line(buf, line, limits)?;
                self.phase = Phase::Fields;
            }
            None if window.len() >= max_line => return Err(target_too_long()),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// `method SP request-target SP HTTP-version` (RFC 9112 section 3), with exactly one space each.
    fn request_line(&mut self, buf: &[u8], line: Span, limits: &Limits) -> Result<(), Reject> {
        let bytes = line.of(buf);
        let start = line.start as usize;
        let method_len = bytes.iter().position(|&b| !TOKEN[b as usize]).unwrap_or(bytes.len());
        if method_len == 0 || bytes.get(method_len) != Some(&b' ') {
            return Err(Reject::bad(
                "the method is not a token followed by one space",
                "RFC 9112 3.1",
            ));
        }
        if method_len > MAX_METHOD {
            return Err(Reject::status(501, "the method name is too long", "RFC 9112 3"));
        }
        let rest = &bytes[method_len + 1..];
        let target_len =
            memchr::memchr(b' ', rest).ok_or(Reject::bad("the request line has no version", "RFC 9112 3"))?;
        if target_len == 0 {
            return Err(Reject::bad("more than one space in the request line", "RFC 9112 3"));
        }
        if target_len > limits.max_target {
            return Err(target_too_long());
        }
        let target_start = start + method_len + 1;
        self.method_name = Span::new(start, start + method_len);
        self.target = Span::new(target_start, target_start + target_len);
        self.version = version(&bytes[..method_len], &rest[..target_len], &rest[target_len + 1..])?;
        self.set_target(buf, limits)
    }

    fn set_target(&mut self, buf: &[u8], limits: &Limits) -> Result<(), Reject> {
        let name = self.method_name.of(buf);
        if name == b"CONNECT" {
            return Err(Reject::status(501, "CONNECT is not offered", "RFC 9110 9.3.6"));
        }
        self.method = Method::of(name);
        let target = target::parse(buf, self.target, self.method, limits, &mut self.rewritten)?;
        (self.form, self.path, self.query) = (target.form, target.path, target.query);
        if let Some((span, authority, port)) = target.authority {
            self.authority = span;
            self.has_authority = Some((authority, port));
        }
        Ok(())
    }

    /// A name that is one of ours but for underscores is the same name to whoever maps it to a CGI variable
    /// (RFC 3875 section 4.1.18); such twins are how a field is smuggled past a check.
    fn refuse_alias(&self, buf: &[u8], field: &Field) -> Result<(), Reject> {
        let name = field.name.of(buf);
        if field.id != Name::Other || name.len() > 24 || memchr::memchr(b'_', name).is_none() {
            return Ok(());
        }
        let mut dashed = [0u8; 24];
        for (to, &from) in dashed.iter_mut().zip(name) {
            *to = if from == b'_' { b'-' } else { from };
        }
        match Name::of(&dashed[..name.len()]) {
            Name::Other => Ok(()),
            _ => Err(Reject::bad(
                "a field name imitates another one with an underscore",
                "RFC 3875 4.1.18",
            )),
        }
    }

    fn finish(&mut self, buf: &[u8]) -> Result<(), Reject> {
        self.facts.finish(buf, &mut self.fields)?;
        self.set_authority(buf)?;
        self.body = self.framing(buf)?;
        self.keep_alive = !self.facts.close && (self.version == Version::Http11 || self.facts.keep_alive);
        self.te_trailers = self.facts.te_trailers();
        self.set_expect(buf)?;
        let may_upgrade = self.method == Method::Get && self.version == Version::Http11 && self.body == Body::None;
        self.upgrade = if may_upgrade { self.facts.websocket(buf) } else { None };
        Ok(())
    }

    /// Exactly one valid `Host` in HTTP/1.1, at most one in 1.0, and the same as in an absolute target.
    fn set_authority(&mut self, buf: &[u8]) -> Result<(), Reject> {
        let Some(span) = self.facts.host else {
            if self.version == Version::Http11 {
                return Err(Reject::bad("no Host field", "RFC 9112 3.2"));
            }
            if let Some((authority, _)) = self.has_authority {
                (self.host, self.port) = (authority.name, authority.port);
            }
            return Ok(());
        };
        let host = Authority::parse(buf, span).ok_or(Reject::bad("the Host field is not valid", "RFC 9112 3.2"))?;
        match self.has_authority {
            Some((target, port)) if !target.agrees(host, buf, port) => {
                return Err(Reject::bad("Host is not the authority of the target", "RFC 9112 3.2.2"));
            }
            Some(_) => {}
            None => self.authority = span,
        }
        (self.host, self.port) = (host.name, host.port);
        Ok(())
    }

    fn framing(&self, buf: &[u8]) -> Result<Body, Reject> {
        let chunked = self.facts.chunked(buf)?;
        if chunked && self.version == Version::Http10 {
            return Err(Reject::bad("Transfer-Encoding in HTTP/1.0", "RFC 9112 6.1"));
        }
        let body = match (chunked, self.facts.content_length) {
            (true, _) => Body::Chunked,
            (false, None | Some(0)) => Body::None,
            (false, Some(length)) => Body::Length(length),
        };
        if body != Body::None && self.method == Method::Trace {
            return Err(Reject::bad("TRACE with a body", "RFC 9110 9.3.8"));
        }
        Ok(body)
    }

    fn set_expect(&mut self, buf: &[u8]) -> Result<(), Reject> {
        let Some(value) = self.facts.expect else { return Ok(()) };
        if self.version == Version::Http10 {
            return Ok(());
        }
        if !value.of(buf).eq_ignore_ascii_case(b"100-continue") {
            return Err(Reject::status(
                417,
                "an expectation other than 100-continue",
                "RFC 9110 10.1.1",
            ));
        }
        self.expect_continue = self.body != Body::None;
        Ok(())
    }
}

#[cold]
fn target_too_long() -> Reject {
    Reject::too_large(414, "the request target is too long", "RFC 9110 15.5.15")
}

fn version(method: &[u8], target: &[u8], text: &[u8]) -> Result<Version, Reject> {
    match text {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        b"HTTP/2.0" if method == b"PRI" && target == b"*" => Err(Reject::status(
            505,
            "the HTTP/2 preface on an HTTP/1.1 connection",
            "RFC 9113 3.4",
        )),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => Err(
            Reject::status(505, "an HTTP version other than 1.0 and 1.1", "RFC 9110 15.6.6"),
        ),
        _ if text.contains(&b' ') => Err(Reject::bad("more than three parts in the request line", "RFC 9112 3")),
        _ => Err(Reject::bad("the version is not HTTP/digit.digit", "RFC 9112 2.3")),
    }
}

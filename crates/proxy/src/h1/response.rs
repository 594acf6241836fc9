//! Response heads of upstreams. Whatever is wrong with them is the upstream's fault: 502 `upstream_protocol`.

use super::facts::Facts;
use super::lines::Lines;
use super::{Field, Limits, Method, Name, Progress, Reject, Span, Version, ascii, field};

/// How the body behind a response head is framed (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseBody {
    #[default]
    None,
    /// Exactly this many bytes, at least one.
    Length(u64),
    Chunked,
    /// Everything until the upstream closes.
    UntilClose,
}

/// A response head, to be used again and again. The public fields hold once [`parse_response`] has answered
/// [`Progress::Done`].
#[derive(Debug, Default)]
pub struct ResponseHead {
    pub status: u16,
    pub version: Version,
    /// Passed on, never acted on (RFC 9112 section 4).
    pub reason: Span,
    pub fields: Vec<Field>,
    pub body: ResponseBody,
    /// Whether the upstream connection may be used again once the body is over.
    pub keep_alive: bool,
    /// `101` to the WebSocket handshake that was sent: what follows is a tunnel.
    pub switching: bool,
    lines: Lines,
    phase: Phase,
    facts: Facts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    StatusLine,
    Fields,
    Finished,
}

/// What of the request decides how its response is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub method: Method,
    /// A WebSocket handshake was sent.
    pub upgrade: bool,
}

/// Parses a response head at the start of `buf`; goes on and begins anew as [`super::parse_request`] does. A `1xx` head
/// is a head of its own with no body: the next call parses the one behind it.
pub fn parse_response(buf: &[u8], asked: Asked, limits: &Limits, head: &mut ResponseHead) -> Result<Progress, Reject> {
    if head.phase == Phase::Finished {
        head.reset();
    }
    let result = head.advance(buf, asked, limits).map_err(Reject::upstream);
    if result != Ok(Progress::Partial) {
        head.phase = Phase::Finished;
    }
    result
}

impl ResponseHead {
    /// Forgets a head that was begun, so that the next parse begins anew.
    pub fn reset(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = ResponseHead {
            fields,
            ..ResponseHead::default()
        };
    }

    /// Whether another head follows for the same request.
    pub fn is_interim(&self) -> bool {
        self.status < 200 && !self.switching
    }

    /// The value of the first field of this name.
    pub fn value<'a>(&self, id: Name, buf: &'a [u8]) -> Option<&'a [u8]> {
        self.fields.iter().find(|f| f.id == id).map(|f| f.value.of(buf))
    }

    fn advance(&mut self, buf: &[u8], asked: Asked, limits: &Limits) -> Result<Progress, Reject> {
        if buf.first().is_some_and(|&b| b != b'H') {
            return Err(Reject::bad("the response does not begin with HTTP", "RFC 9112 4"));
        }
        let window = &buf[..buf.len().min(limits.max_head)];
        while let Some(line) = self.lines.next(window)? {
            if self.phase == Phase::StatusLine {
                self.status_line(buf, line)?;
                self.phase = Phase::Fields;
                continue;
            }
            if line.is_empty() {
                self.finish(buf, asked)?;
                return Ok(Progress::Done(self.lines.start));
            }
            let field = field::parse(buf, line)?;
            self.facts.note(buf, &field, limits)?;
            self.fields.push(field);
        }
        if window.len() >= limits.max_head {
            return Err(Reject::bad("the head is too large", "RFC 6585 5"));
        }
        Ok(Progress::Partial)
    }

    /// `HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 section 4). Without a reason the second space may
    /// be missing, as it is in what many servers send; it cannot be read in two ways.
    fn status_line(&mut self, buf: &[u8], line: Span) -> Result<(), Reject> {
        let bytes = line.of(buf);
        self.version = match bytes.get(..9) {
            Some(b"HTTP/1.1 ") => Version::Http11,
            Some(b"HTTP/1.0 ") => Version::Http10,
            _ => {
                return Err(Reject::bad(
                    "the status line does not begin with HTTP/1.1 or HTTP/1.0",
                    "RFC 9112 4",
                ));
            }
        };
        self.status = match bytes[9..] {
            [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => number([a, b, c]),
            [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..] => number([a, b, c]),
            _ => {
                return Err(Reject::bad(
                    "the status code is not three digits from 100 to 999",
                    "RFC 9112 4",
                ));
            }
        };
        self.reason = Span::new((line.start as usize + 13).min(line.end as usize), line.end as usize);
        if !ascii::is_value(self.reason.of(buf)) {
            return Err(Reject::bad("the reason phrase holds a control character", "RFC 9112 4"));
        }
        Ok(())
    }

    fn finish(&mut self, buf: &[u8], asked: Asked) -> Result<(), Reject> {
        self.facts.finish(buf, &mut self.fields)?;
        self.switching = self.switch(buf, asked)?;
        self.body = self.framing(buf, asked)?;
        if self.status < 200 || self.status == 204 {
            // Not allowed there, harmless as zero, and not passed on (RFC 9110 section 8.6).
            self.fields
                .iter_mut()
                .for_each(|f| f.hop |= f.id == Name::ContentLength);
        }
        let persists = !self.facts.close && (self.version == Version::Http11 || self.facts.keep_alive);
        self.keep_alive = persists && self.body != ResponseBody::UntilClose && !self.switching;
        Ok(())
    }

    /// A `101` is only good as the answer to a WebSocket handshake and only to that protocol (RFC 9110 section 15.2.2).
    fn switch(&self, buf: &[u8], asked: Asked) -> Result<bool, Reject> {
        if self.status != 101 {
            return Ok(false);
        }
        if !asked.upgrade || self.facts.websocket(buf).is_none() || self.version == Version::Http10 {
            return Err(Reject::bad(
                "101 to something that was not asked for",
                "RFC 9110 15.2.2",
            ));
        }
        Ok(true)
    }

    fn framing(&self, buf: &[u8], asked: Asked) -> Result<ResponseBody, Reject> {
        let chunked = self.facts.chunked(buf)?;
        if chunked && self.version == Version::Http10 {
            return Err(Reject::bad("Transfer-Encoding in HTTP/1.0", "RFC 9112 6.1"));
        }
        if self.status < 200 || self.status == 204 {
            if chunked || self.facts.content_length.is_some_and(|n| n > 0) {
                return Err(Reject::bad("a body is announced where none can be", "RFC 9110 8.6"));
            }
            return Ok(ResponseBody::None);
        }
        if asked.method == Method::Head || self.status == 304 {
            return Ok(ResponseBody::None);
        }
        Ok(match (chunked, self.facts.content_length) {
            (true, _) => ResponseBody::Chunked,
            (false, None) => ResponseBody::UntilClose,
            (false, Some(0)) => ResponseBody::None,
            (false, Some(length)) => ResponseBody::Length(length),
        })
    }
}

fn number(digits: [u8; 3]) -> u16 {
    digits.iter().fold(0, |n, &d| n * 10 + u16::from(d - b'0'))
}

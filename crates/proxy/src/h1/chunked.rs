//! Chunked bodies (RFC 9112 section 7.1).
//!
//! The decoder walks over the bytes and says which of them are data; the proxy writes them with chunk headers of its
//! own ([`header`]), so that what goes on carries no extension and no unusual spelling of a size. Extensions are checked
//! and dropped, as section 7.1.1 asks of who does not know them; their bytes are bounded.

use super::facts::Facts;
use super::lines::Lines;
use super::{Field, Limits, Name, Reject, ascii, field};

/// Ends the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// Ends a body that has no trailer fields. With trailers: [`LAST_CHUNK`], the field lines, an empty line.
pub const END: &[u8] = b"0\r\n\r\n";
/// The chunk of size zero, in front of the trailer section.
pub const LAST_CHUNK: &[u8] = b"0\r\n";

/// Bytes of all extensions of one body; beyond it they are only there to cost.
const MAX_EXTENSIONS: u32 = 4096;
/// Hexadecimal digits of a size: all that a `u64` can hold.
const MAX_DIGITS: u8 = 16;

/// Whose body it is, which decides whom a fault is laid upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Upstream,
}

/// What the decoder found at the front of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The first `consumed` bytes are done with; whatever is left of the input must be offered again with more behind
    /// it. What is left is never more than [`Limits::max_trailers`].
    More { consumed: usize },
    /// `skip` bytes of framing, then `len` bytes of data; the input behind them is not yet looked at.
    Data { skip: usize, len: usize },
    /// The body is over after `consumed` bytes; [`Decoder::trailers`] are offsets into the input of this very call.
    End { consumed: usize },
}

/// The state of one body. Feed it until [`Step::End`].
#[derive(Debug)]
pub struct Decoder {
    side: Side,
    state: State,
    /// The size so far, then the data bytes still to come.
    size: u64,
    digits: u8,
    extensions: u32,
    lines: Lines,
    facts: Facts,
    trailers: Vec<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// Right behind the semicolon: a name must begin.
    ExtensionName,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
    Done,
}

impl Decoder {
    pub fn new(side: Side) -> Self {
        Decoder {
            side,
            state: State::Size,
            size: 0,
            digits: 0,
            extensions: 0,
            lines: Lines::default(),
            facts: Facts::default(),
            trailers: Vec::new(),
        }
    }

    /// Looks at the input from where the last step ended. After [`Step::End`] it consumes nothing more.
    pub fn step(&mut self, input: &[u8], limits: &Limits) -> Result<Step, Reject> {
        self.advance(input, limits).map_err(|reject| match self.side {
            Side::Client => reject,
            Side::Upstream => reject.upstream(),
        })
    }

    /// The trailer fields, with [`Step::End`].
    pub fn trailers(&self) -> &[Field] {
        &self.trailers
    }

    fn advance(&mut self, input: &[u8], limits: &Limits) -> Result<Step, Reject> {
        let mut at = 0;
        loop {
            match self.state {
                State::Data => {
                    let len = usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len() - at);
                    if len == 0 {
                        return Ok(Step::More { consumed: at });
                    }
                    self.size -= len as u64;
                    self.state = if self.size == 0 { State::DataCr } else { State::Data };
                    return Ok(Step::Data { skip: at, len });
                }
                State::Trailers => return self.trailer_section(input, at, limits),
                State::Done => return Ok(Step::End { consumed: at }),
                _ => {}
            }
            let Some(&b) = input.get(at) else {
                return Ok(Step::More { consumed: at });
            };
            self.state = self.framing(b)?;
            at += 1;
        }
    }

    /// One byte of what stands around the data.
    fn framing(&mut self, b: u8) -> Result<State, Reject> {
        match self.state {
            State::Size => self.size_byte(b),
            State::ExtensionName | State::Extension => self.extension_byte(b),
            State::SizeLf if b != b'\n' => Err(Reject::bad("CR without LF behind a chunk size", "RFC 9112 7.1")),
            State::SizeLf if self.size == 0 => Ok(State::Trailers),
            State::SizeLf => Ok(State::Data),
            State::DataCr if b == b'\r' => Ok(State::DataLf),
            State::DataLf if b == b'\n' => {
                self.digits = 0;
                Ok(State::Size)
            }
            _ => Err(Reject::bad(
                "a chunk's data does not end with CRLF where its size says",
                "RFC 9112 7.1",
            )),
        }
    }

    fn size_byte(&mut self, b: u8) -> Result<State, Reject> {
        if let Some(digit) = ascii::hex(b) {
            if self.digits == MAX_DIGITS {
                return Err(Reject::bad("a chunk size is too large", "RFC 9112 7.1"));
            }
            self.digits += 1;
            self.size = self.size << 4 | u64::from(digit);
            return Ok(State::Size);
        }
        match b {
            b'\r' if self.digits > 0 => Ok(State::SizeLf),
            b';' if self.digits > 0 => Ok(State::ExtensionName),
            _ => Err(Reject::bad("a chunk size is not hexadecimal digits", "RFC 9112 7.1")),
        }
    }

    fn extension_byte(&mut self, b: u8) -> Result<State, Reject> {
        self.extensions += 1;
        if self.extensions > MAX_EXTENSIONS {
            return Err(Reject::bad("too many bytes of chunk extensions", "RFC 9112 7.1.1"));
        }
        match (self.state, b) {
            (State::ExtensionName, b) if ascii::TOKEN[b as usize] => Ok(State::Extension),
            (State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Extension, b';') => Ok(State::ExtensionName),
            (State::Extension, b'\t' | b' '..=b'~') => Ok(State::Extension),
            _ => Err(Reject::bad("a chunk extension is malformed", "RFC 9112 7.1.1")),
        }
    }

    /// The trailer section begins at `from`; it is parsed line by line but handed over as a whole.
    fn trailer_section(&mut self, input: &[u8], from: usize, limits: &Limits) -> Result<Step, Reject> {
        let section = &input[from..];
        let window = &section[..section.len().min(limits.max_trailers)];
        while let Some(line) = self.lines.next(window)? {
            if line.is_empty() {
                self.state = State::Done;
                let consumed = from + self.lines.start;
                self.trailers.iter_mut().for_each(|f| shift(f, from));
                return Ok(Step::End { consumed });
            }
            let field = field::parse(section, line)?;
            self.facts.note(section, &field, limits)?;
            if is_forbidden(field.id, field.name.of(section)) {
                return Err(Reject::bad("a trailer field that must not be one", "RFC 9110 6.5.1"));
            }
            self.trailers.push(field);
        }
        if window.len() >= limits.max_trailers {
            return Err(Reject::too_large(431, "the trailer section is too large", "RFC 6585 5"));
        }
        Ok(Step::More { consumed: from })
    }
}

/// Trailer spans are found relative to the section and handed out relative to the input.
fn shift(field: &mut Field, by: usize) {
    let by = by as u32;
    for span in [&mut field.name, &mut field.value] {
        span.start += by;
        span.end += by;
    }
}

/// Fields about framing, routing, authentication and content may not come after what they are about (RFC 9110 section
/// 6.5.1). All the names that the proxy acts on are among them.
fn is_forbidden(id: Name, name: &[u8]) -> bool {
    const OTHERS: [&str; 10] = [
        "authorization",
        "www-authenticate",
        "set-cookie",
        "content-type",
        "content-encoding",
        "content-range",
        "cache-control",
        "max-forwards",
        "range",
        "location",
    ];
    id != Name::Other && id != Name::Date || OTHERS.iter().any(|o| name.eq_ignore_ascii_case(o.as_bytes()))
}

/// A chunk header: the size in hexadecimal digits and CRLF.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    bytes: [u8; 18],
    start: u8,
}

impl Header {
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..]
    }
}

/// The header of a chunk of `size` bytes; zero would end the body, so an empty piece of data is not written at all.
pub fn header(size: u64) -> Header {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = *b"0000000000000000\r\n";
    let (mut start, mut rest) = (16, size);
    while rest > 0 || start == 16 {
        start -= 1;
        bytes[start] = DIGITS[(rest & 15) as usize];
        rest >>= 4;
    }
    Header {
        bytes,
        start: start as u8,
    }
}

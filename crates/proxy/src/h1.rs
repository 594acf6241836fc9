//! The HTTP/1.1 codec: bytes in, facts out, no I/O.
//!
//! How it works. The connection owns one buffer; a head is parsed line by line as its lines arrive, and what is found is
//! kept as offsets into that buffer ([`Span`]), so that a request costs no allocation and a slow peer costs no second
//! look at a byte. The rule everywhere is *reject, never repair*: a message that two recipients could read in two ways
//! (RFC 9112 section 11.2) is refused with the section that it breaks, and never tidied up and passed on.
//!
//! What it does not do: sockets, timers, routing, body sizes (the engine counts them), and content.
//!
//! The tokeniser is our own over `memchr`, because strictness needs every line end anyway and a partial head must not be
//! parsed again from its start; tests and fuzz targets compare what it accepts with `httparse`. The hostile messages of
//! the tests are plain data in `testdata/hostile.rs`.

mod ascii;
mod authority;
pub mod chunked;
mod facts;
mod field;
mod limits;
mod lines;
mod method;
mod name;
mod path;
mod reject;
mod request;
mod response;
mod span;
mod target;
pub mod write;

pub use field::Field;
pub use limits::Limits;
pub use method::Method;
pub use name::Name;
pub use reject::Reject;
pub use request::{Body, RequestHead, parse_request};
pub use response::{Asked, ResponseBody, ResponseHead, parse_response};
pub use span::Span;
pub use target::Form;

/// How far a head is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Call again with the same bytes and more behind them.
    Partial,
    /// The head ends after this many bytes.
    Done(usize),
}

/// The versions this codec speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    Http10,
    #[default]
    Http11,
}

#[cfg(test)]
mod tests;

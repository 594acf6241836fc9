//! Lines of a head as they arrive.

use super::{Reject, Span};

/// Where the next line begins and how far its end was looked for, so that no byte is searched twice however slowly the
/// bytes come in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lines {
    pub(super) start: usize,
    scanned: usize,
}

impl Lines {
    /// The next line without its CRLF, or nothing while its end has not arrived. A line feed alone ends no line
    /// (RFC 9112 section 2.2 allows to accept it, and that is how requests are smuggled).
    #[inline]
    pub(super) fn next(&mut self, buf: &[u8]) -> Result<Option<Span>, Reject> {
        let Some(found) = memchr::memchr(b'\n', &buf[self.scanned..]) else {
            self.scanned = buf.len();
            return Ok(None);
        };
        let lf = self.scanned + found;
        if lf == self.start || buf[lf - 1] != b'\r' {
            return Err(Reject::bad("a line ends with LF without CR", "RFC 9112 2.2"));
        }
        let line = Span::new(self.start, lf - 1);
        self.start = lf + 1;
        self.scanned = lf + 1;
        Ok(Some(line))
    }
}

//! How much of a head is accepted, and which optional spellings of a path.

/// Limits of one head or one trailer section. Bounded by default in count and in bytes: a small head that unfolds into
/// a large structure is an attack as old as the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head from its first byte to its empty line.
    pub max_head: usize,
    /// Field lines of a head, `Cookie` lines apart.
    pub max_headers: usize,
    /// `Cookie` field lines, which browsers may split and which are therefore counted apart.
    pub max_cookies: usize,
    /// Bytes of all `Cookie` values together.
    pub max_cookie_bytes: usize,
    /// Bytes of the request target (RFC 9112 section 3 asks for at least 8000 in the request line).
    pub max_target: usize,
    /// Bytes of a trailer section.
    pub max_trailers: usize,
    /// Let `%2F` and `%5C` stand in a path. Off: a service that decodes them routes differently from the gateway.
    pub encoded_slash: bool,
    /// Let empty segments (`//`) stand in a path. Off: a service that merges them routes differently from the gateway.
    pub empty_segments: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_head: 64 << 10,
            max_headers: 100,
            max_cookies: 100,
            max_cookie_bytes: 32 << 10,
            max_target: 16 << 10,
            max_trailers: 8 << 10,
            encoded_slash: false,
            empty_segments: false,
        }
    }
}

//! One field line.

use super::ascii::{self, TOKEN};
use super::{Name, Reject, Span};

/// A field line of a head or of a trailer section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: Span,
    /// Without the whitespace around it.
    pub value: Span,
    pub id: Name,
    /// It concerns this connection only: it is hop-by-hop by its name, or `Connection` named it.
    pub hop: bool,
}

/// Parses `field-name ":" OWS field-value OWS` (RFC 9112 section 5).
#[inline]
pub(super) fn parse(buf: &[u8], line: Span) -> Result<Field, Reject> {
    let bytes = line.of(buf);
    let colon = bytes.iter().position(|&b| !TOKEN[b as usize]).unwrap_or(bytes.len());
    if colon == 0 || bytes.get(colon) != Some(&b':') {
        return Err(bad_name(bytes, colon));
    }
    let raw = &bytes[colon + 1..];
    if !ascii::is_value(raw) {
        return Err(bad_value(raw));
    }
    let id = Name::of(&bytes[..colon]);
    let (start, name_end) = (line.start as usize, line.start as usize + colon);
    let lead = raw.iter().take_while(|&&b| b == b' ' || b == b'\t').count();
    let value_start = name_end + 1 + lead;
    let value = Span::new(value_start, value_start + ascii::trim(&raw[lead..]).len());
    Ok(Field {
        name: Span::new(start, name_end),
        value,
        id,
        hop: id.is_hop_by_hop(),
    })
}

#[cold]
fn bad_name(line: &[u8], at: usize) -> Reject {
    match line.get(at) {
        Some(b' ' | b'\t') if at == 0 => Reject::bad("a field line begins with whitespace (obs-fold)", "RFC 9112 5.2"),
        Some(b' ' | b'\t') => Reject::bad("whitespace between field name and colon", "RFC 9112 5.1"),
        Some(b':') => Reject::bad("a field line without a name", "RFC 9110 5.1"),
        None => Reject::bad("a field line without a colon", "RFC 9112 5"),
        Some(_) => Reject::bad(
            "a field name holds a character that is no token character",
            "RFC 9110 5.1",
        ),
    }
}

#[cold]
fn bad_value(value: &[u8]) -> Reject {
    let detail = match value.iter().find(|&&b| (b < 0x20 && b != b'\t') || b == 0x7f) {
        Some(0) => "a field value holds NUL",
        Some(b'\r') => "a field value holds CR",
        _ => "a field value holds a control character",
    };
    Reject::bad(detail, "RFC 9110 5.5")
}

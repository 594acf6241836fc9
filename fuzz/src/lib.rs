//! What every fuzz target asserts about a parsed head.

use nines_proxy::h1::{Field, Span};

/// The span lies in the head and can be read.
pub fn in_bounds(span: Span, end: usize) {
    assert!(span.start <= span.end && span.end as usize <= end, "{span:?} outside of {end} bytes");
}

/// Names are tokens, values hold nothing that ends a line or a string, and both lie in the head.
pub fn sound(fields: &[Field], buf: &[u8], end: usize) {
    for field in fields {
        in_bounds(field.name, end);
        in_bounds(field.value, end);
        let (name, value) = (field.name.of(buf), field.value.of(buf));
        assert!(!name.is_empty() && name.iter().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(b)));
        assert!(!value.iter().any(|&b| b == 0x7f || (b < 0x20 && b != b'\t')));
        assert!(!matches!(value.first(), Some(b' ' | b'\t')) && !matches!(value.last(), Some(b' ' | b'\t')));
    }
}

/// The same fields as another parser found.
pub fn same_fields(fields: &[Field], other: &[httparse::Header<'_>], buf: &[u8]) {
    assert_eq!(fields.len(), other.len());
    for (ours, theirs) in fields.iter().zip(other) {
        assert_eq!(ours.name.of(buf), theirs.name.as_bytes());
        assert_eq!(ours.value.of(buf), theirs.value);
    }
}

/// Splits the input into what drives the test (how the bytes are cut) and the bytes.
pub fn cut(data: &[u8]) -> Option<(usize, &[u8])> {
    let (&step, bytes) = data.split_first()?;
    Some((usize::from(step) + 1, bytes))
}

//! Request targets (RFC 9112 section 3.2).

use super::authority::Authority;
use super::path::{self, Path};
use super::{Limits, Method, Reject, Span, ascii};

/// The forms that are accepted; the authority form belongs to `CONNECT`, which is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    #[default]
    Origin,
    Absolute,
    Asterisk,
}

/// A parsed target.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Target {
    pub(super) form: Form,
    pub(super) path: Path,
    pub(super) query: Option<Span>,
    /// Of the absolute form, with its span and the default port of its scheme.
    pub(super) authority: Option<(Span, Authority, u16)>,
}

/// Parses a target; `rewritten` takes the path when its canonical form is not the sent one.
pub(super) fn parse(
    buf: &[u8],
    span: Span,
    method: Method,
    limits: &Limits,
    rewritten: &mut Vec<u8>,
) -> Result<Target, Reject> {
    match span.of(buf) {
        [b'/', ..] => origin(buf, span, limits, rewritten),
        b"*" if method == Method::Options => Ok(Target {
            form: Form::Asterisk,
            path: Path::Asterisk,
            ..Target::default()
        }),
        b"*" => Err(Reject::bad("the asterisk form is for OPTIONS only", "RFC 9112 3.2.4")),
        _ => absolute(buf, span, limits, rewritten),
    }
}

fn origin(buf: &[u8], span: Span, limits: &Limits, rewritten: &mut Vec<u8>) -> Result<Target, Reject> {
    let (start, end) = (span.start as usize, span.end as usize);
    let mark = memchr::memchr(b'?', span.of(buf)).map(|at| start + at);
    let path = path::canonical(buf, Span::new(start, mark.unwrap_or(end)), limits, rewritten)?;
    Ok(Target {
        path,
        query: query(buf, mark, end)?,
        ..Target::default()
    })
}

fn absolute(buf: &[u8], span: Span, limits: &Limits, rewritten: &mut Vec<u8>) -> Result<Target, Reject> {
    const NO_FORM: Reject = Reject::bad("the request target has no valid form", "RFC 9112 3.2");
    let bytes = span.of(buf);
    let scheme = |text: &[u8]| bytes.get(..text.len()).is_some_and(|b| b.eq_ignore_ascii_case(text));
    let (skip, port) = match () {
        () if scheme(b"http://") => (7, 80),
        () if scheme(b"https://") => (8, 443),
        () => return Err(NO_FORM),
    };
    let (start, end) = (span.start as usize + skip, span.end as usize);
    let tail = memchr::memchr3(b'/', b'?', b'#', &buf[start..end]).map_or(end, |at| start + at);
    let whole = Span::new(start, tail);
    let authority = Authority::parse(buf, whole).ok_or(Reject::bad(
        "the authority of the target is not valid",
        "RFC 9110 4.2.1",
    ))?;
    let mut target = match buf[tail..end].first() {
        Some(b'/') => origin(buf, Span::new(tail, end), limits, rewritten)?,
        Some(b'?') => Target {
            query: query(buf, Some(tail), end)?,
            ..Target::default()
        },
        Some(_) => return Err(NO_FORM),
        None => Target::default(),
    };
    target.form = Form::Absolute;
    target.authority = Some((whole, authority, port));
    Ok(target)
}

/// The query behind the mark. Its percent signs are not looked at: it is passed on as it is and no path comes of it.
fn query(buf: &[u8], mark: Option<usize>, end: usize) -> Result<Option<Span>, Reject> {
    let Some(mark) = mark else { return Ok(None) };
    let query = Span::new(mark + 1, end);
    if !ascii::is_query(query.of(buf)) {
        return Err(Reject::bad(
            "the query holds a character that must be encoded",
            "RFC 3986 3.4",
        ));
    }
    Ok(Some(query))
}

//! Checks on single values of HTTP: hosts, header names and values, methods, paths.

use crate::problem::quote;

/// A header name or method: a token (RFC 9110 section 5.6.2).
pub(crate) fn token(value: &str, what: &str) -> Result<(), String> {
    let good = (1..=256).contains(&value.len()) && value.bytes().all(is_token);
    let rule = "use letters, digits and !#$%&'*+-.^_`|~";
    good.then_some(())
        .ok_or_else(|| format!("{} is not a valid {what}: {rule}", quote(value)))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A header value (RFC 9110 section 5.5): no control characters but tab, no space at the ends.
pub(crate) fn header_value(value: &str) -> Result<(), String> {
    if value.len() > 4096 {
        return Err("a header value has at most 4096 bytes".into());
    }
    if value.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
        return Err(format!("{} holds a control character (CR, LF, NUL …)", quote(value)));
    }
    let trimmed = value.trim_matches([' ', '\t']);
    let good = trimmed.len() == value.len();
    good.then_some(())
        .ok_or_else(|| format!("{} begins or ends with white space", quote(value)))
}

/// A host name without port (RFC 1123 section 2.1); `*.` in front stands for one or more labels where allowed.
pub(crate) fn hostname(value: &str, wildcard: bool) -> Result<(), String> {
    let fail = |rule: &str| Err(format!("{} is not a valid host name: {rule}", quote(value)));
    let host = match value.strip_prefix("*.") {
        Some(_) if !wildcard => return fail("no wildcard is allowed here"),
        Some(rest) => rest,
        None => value,
    };
    if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return fail("write it in lower case");
    }
    if host.parse::<std::net::IpAddr>().is_ok() {
        return fail("it is an IP address");
    }
    if host.contains(':') {
        return fail("leave the port out");
    }
    if host.len() > 253 || !host.split('.').all(is_label) {
        return fail("use labels of 1 to 63 of a-z, 0-9 and '-' joined by dots, at most 253 characters");
    }
    Ok(())
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edges = !label.starts_with('-') && !label.ends_with('-');
    (1..=63).contains(&label.len()) && edges && label.bytes().all(inner)
}

/// A path in the one form that requests are brought into before they are matched: absolute, no empty or dot segments,
/// no query, nothing encoded that need not be.
pub(crate) fn path(value: &str) -> Result<(), String> {
    let fail = |rule: &str| Err(format!("{} is not a valid path: {rule}", quote(value)));
    if !value.starts_with('/') {
        return fail("begin it with `/`");
    }
    if value.len() > 1024 {
        return fail("it has more than 1024 bytes");
    }
    if value.contains(['?', '#']) {
        return fail("leave `?` and `#` out, a query is matched by queryParams");
    }
    if value
        .bytes()
        .any(|byte| !byte.is_ascii_graphic() || b"\\\"<>^`{|}".contains(&byte))
    {
        return fail("percent-encode what may not stand in a URL");
    }
    if value.contains("//") {
        return fail("it holds an empty segment `//`");
    }
    if value.split('/').any(|segment| segment == "." || segment == "..") {
        return fail("it holds a `.` or `..` segment");
    }
    match encoding(value.as_bytes()) {
        Ok(()) => Ok(()),
        Err(rule) => fail(rule),
    }
}

fn encoding(path: &[u8]) -> Result<(), &'static str> {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let digits = rest
            .get(at + 1..at + 3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            None => return Err("after `%` two hexadecimal digits follow"),
            Some(0..=0x1f | 0x7f | b'/' | b'\\') => return Err("it encodes a slash or control character"),
            Some(b) if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => {
                return Err("it encodes a character that needs no encoding");
            }
            Some(_) => rest = &rest[at + 3..],
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(run: impl Fn(&str) -> Result<(), String>, good: &[&str], bad: &[(&str, &str)]) {
        for value in good {
            assert_eq!(run(value), Ok(()), "{value}");
        }
        for (value, part) in bad {
            let message = run(value).expect_err(value);
            assert!(message.contains(part), "{message} lacks {part}");
        }
    }

    #[test]
    fn tokens() {
        let bad = [
            ("", "valid"),
            ("a b", "valid"),
            ("a:", "valid"),
            ("ä", "valid"),
            ("a\r\n", "`a\\r\\n`"),
        ];
        check(
            |value| token(value, "header name"),
            &["x-a", "GET", "!#$%&'*+-.^_`|~"],
            &bad,
        );
    }

    #[test]
    fn header_values() {
        let bad = [
            ("a\r\nb: c", "control"),
            ("a\0", "control"),
            (" a", "white space"),
            ("a\t", "white space"),
        ];
        check(header_value, &["", "a b", "ä", "a\tb"], &bad);
    }

    #[test]
    fn hosts() {
        let bad = [
            ("", "labels"),
            ("a..b", "labels"),
            ("-a", "labels"),
            ("a_b", "labels"),
            ("*", "labels"),
            ("*.*.a", "labels"),
            ("A.b", "lower case"),
            ("1.2.3.4", "IP address"),
            ("a:80", "port"),
        ];
        check(
            |value| hostname(value, true),
            &["a", "shop.local", "*.local", "xn--bcher-kva.de"],
            &bad,
        );
        check(|value| hostname(value, false), &["a.b"], &[("*.b", "no wildcard")]);
    }

    #[test]
    fn paths() {
        let bad = [
            ("", "begin"),
            ("a", "begin"),
            ("/a//b", "empty segment"),
            ("/a/../b", "`..`"),
            ("/.", "`.`"),
            ("/a?b", "query"),
            ("/a#b", "query"),
            ("/a b", "percent-encode"),
            ("/a\\b", "percent-encode"),
            ("/ä", "percent-encode"),
            ("/%zz", "hexadecimal"),
            ("/%2", "hexadecimal"),
            ("/%+1", "hexadecimal"),
            ("/%2fa", "slash"),
            ("/%00", "control"),
            ("/%41", "needs no encoding"),
        ];
        check(
            path,
            &[
                "/",
                "/a",
                "/a/",
                "/a/b.c",
                "/a/...",
                "/%c3%a4",
                "/a%20b",
                "/a=b;c,d@e:f!$&'()*+",
            ],
            &bad,
        );
    }
}

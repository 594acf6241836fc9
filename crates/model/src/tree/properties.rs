//! Java properties (`java.util.Properties.load`) to a flat tree of texts.

use std::collections::HashSet;

use super::{Content, Entry, Node, Position};
use crate::problem::{Problem, quote};

/// Reads one text of `key = value` lines; all mistakes at once.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for (line, logical) in logical_lines(text) {
        match entry(&logical, line) {
            Ok(entry) if !seen.insert(entry.key.clone()) => {
                let message = format!("the key {} stands twice: keep one", quote(&entry.key));
                problems.push(Problem::new("", message).at(entry.position));
            }
            Ok(entry) => entries.push(entry),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Node {
        position: Position { line: 1, column: 1 },
        content: Content::Map(entries),
    })
}

/// Lines that are neither blank nor comments, joined where one ends with an odd number of backslashes.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let mut logical: Vec<(u32, String)> = Vec::new();
    let mut continued = false;
    for (number, line) in (1u32..).zip(text.lines()) {
        let line = line.trim_start();
        if !continued && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        if !continued {
            logical.push((number, String::new()));
        }
        let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
        continued = backslashes % 2 == 1;
        let kept = if continued { &line[..line.len() - 1] } else { line };
        if let Some((_, joined)) = logical.last_mut() {
            joined.push_str(kept);
        }
    }
    logical
}

fn entry(logical: &str, line: u32) -> Result<Entry, Problem> {
    let position = Position { line, column: 1 };
    let (key, value) = split(logical);
    let unescape = |text| unescape(text).map_err(|message| Problem::new("", message).at(position));
    let key = unescape(key)?;
    if key.is_empty() {
        return Err(Problem::new("", "the line has a value and no key").at(position));
    }
    let content = Content::Text(unescape(value)?);
    Ok(Entry {
        position,
        key,
        node: Node { position, content },
    })
}

/// The key ends at the first `=`, `:` or white space that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.char_indices().find(|(_, c)| {
        let ends = !escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\u{c}');
        escaped = *c == '\\' && !escaped;
        ends
    });
    let (key, rest) = line.split_at(end.map_or(line.len(), |(at, _)| at));
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start())
}

fn unescape(text: &str) -> Result<String, String> {
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('u') => {
                    units.push(hex(chars.by_ref().take(4))?);
                    continue;
                }
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some(other) => other,
                None => break,
            },
            c => c,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).map_err(|_| "a \\u escape is half of a surrogate pair".into())
}

fn hex(digits: impl Iterator<Item = char>) -> Result<u16, String> {
    let digits: String = digits.collect();
    let valid = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = valid.then(|| u16::from_str_radix(&digits, 16).ok()).flatten();
    number.ok_or_else(|| format!("`\\u` wants four hexadecimal digits, not {}", quote(&digits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let value = parse(text).expect("valid").to_value();
        let pairs: serde_json::Map<_, _> = expected.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert_eq!(value, serde_json::Value::Object(pairs), "{text}");
    }

    #[test]
    fn reads_what_java_reads() {
        check("a=1\nb : 2\nc 3\nd\n", &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "")]);
        check("# x\n! y\n\n  a = b = c \n", &[("a", "b = c ")]);
        check("a=1,\\\n   2\n", &[("a", "1,2")]);
        check("a\\ b=c\\u00e4\\ud83d\\ude00\\n", &[("a b", "cä😀\n")]);
        check("a=x\\\\\nb=y", &[("a", "x\\"), ("b", "y")]);
    }

    #[test]
    fn reports_all_mistakes_with_their_lines() {
        let problems = parse("a=1\n=2\na=3\nb=\\u12\n").expect_err("three mistakes");
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            lines,
            [
                "line 2 column 1: the line has a value and no key",
                "line 3 column 1: the key `a` stands twice: keep one",
                "line 4 column 1: `\\u` wants four hexadecimal digits, not `12`",
            ]
        );
    }
}

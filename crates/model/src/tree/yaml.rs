//! YAML (and with it JSON) to trees. Bounded in size, nesting and aliases; a broken document does not hide the
//! mistakes of the ones after it.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{DefaultMessageFormatter, Error, Location, MessageFormatter, Options, Spanned};

use super::{Content, Entry, Node, Position};
use crate::problem::{Problem, quote};

/// Largest text, in bytes.
pub(crate) const MAX_TEXT: usize = 4 << 20;
const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 250_000;
/// What aliases may add to a document: enough for honest reuse, far from a bomb.
const MAX_REPLAYED: usize = 20_000;

/// The documents of a text; empty ones are skipped.
pub(crate) fn parse_all(text: &str) -> (Vec<Node>, Vec<Problem>) {
    if text.len() > MAX_TEXT {
        let message = format!("the text has {} bytes, the limit is {MAX_TEXT}: split it", text.len());
        return (Vec::new(), vec![Problem::new("", message)]);
    }
    let (mut nodes, mut problems) = (Vec::new(), Vec::new());
    for (first_line, document) in split(text) {
        let (node, mut found) = parse(document, first_line);
        problems.append(&mut found);
        nodes.extend(node.filter(|node| node.content != Content::Null));
    }
    (nodes, problems)
}

/// One document. A key that stands twice is a problem, and the rest of the document is read in spite of it.
fn parse(document: &str, first_line: u32) -> (Option<Node>, Vec<Problem>) {
    let strict = serde_saphyr::from_str_with_options(document, options(DuplicateKeyPolicy::Error));
    let error: Error = match strict {
        Ok(node) => return (Some(shifted(node, first_line)), Vec::new()),
        Err(error) => error,
    };
    let node = match error.without_snippet() {
        Error::DuplicateMappingKey { .. } => {
            serde_saphyr::from_str_with_options(document, options(DuplicateKeyPolicy::FirstWins)).ok()
        }
        _ => None,
    };
    let node = node.map(|node| shifted(node, first_line));
    (node, vec![problem(&error, first_line)])
}

fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            // The scanner reads ahead; with room there, it is the depth that is found too large, and said.
            flow_nesting_limit: 4 * MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_recorded_anchor_bytes: MAX_TEXT,
            max_total_scalar_bytes: 4 * MAX_TEXT,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPLAYED,
            max_replay_stack_depth: 16,
        },
        duplicate_keys: duplicate_keys,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn problem(error: &Error, first_line: u32) -> Problem {
    let message = match innermost(error) {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {} stands twice in one mapping: keep one", quote(key))
        }
        Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayStackDepthExceeded { .. } => {
            "aliases expand to more than is allowed: write the values out".into()
        }
        Error::Budget { breach, .. } => over_budget(breach),
        error => format!("does not parse: {}", DefaultMessageFormatter.format_message(error)),
    };
    let position = error.location().map(position).unwrap_or_default();
    Problem::new("", message).at(shift(position, first_line))
}

fn over_budget(breach: &BudgetBreach) -> String {
    match breach {
        BudgetBreach::Depth { .. } => format!("is nested deeper than {MAX_DEPTH} levels"),
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => {
            format!("holds more than {MAX_NODES} values: split it")
        }
        _ => "holds more anchors, aliases or merge keys than is allowed: write the values out".into(),
    }
}

fn innermost(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => error.without_snippet(),
        error => error,
    }
}

fn position(location: Location) -> Position {
    Position {
        line: u32::try_from(location.line()).unwrap_or(u32::MAX),
        column: u32::try_from(location.column()).unwrap_or(u32::MAX),
    }
}

fn shift(position: Position, first_line: u32) -> Position {
    match position.line {
        0 => position,
        line => Position {
            line: line + first_line - 1,
            ..position
        },
    }
}

fn shifted(mut node: Node, first_line: u32) -> Node {
    if first_line > 1 {
        shift_all(&mut node, first_line);
    }
    node
}

fn shift_all(node: &mut Node, first_line: u32) {
    node.position = shift(node.position, first_line);
    match &mut node.content {
        Content::List(items) => items.iter_mut().for_each(|item| shift_all(item, first_line)),
        Content::Map(entries) => entries.iter_mut().for_each(|entry| {
            entry.position = shift(entry.position, first_line);
            shift_all(&mut entry.node, first_line);
        }),
        _ => {}
    }
}

/// The documents with the number of their first line. A line that begins with `---` always ends a document, also
/// within block and quoted text (YAML 1.2.2 section 9.1.2, c-forbidden), so splitting by lines is exact.
fn split(text: &str) -> Vec<(u32, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut blank) = (0, 1, true);
    let mut offset = 0;
    for (number, line) in (1u32..).zip(text.split_inclusive('\n')) {
        if is_marker(line, "---") && !blank {
            documents.push((start_line, &text[start..offset]));
            (start, start_line) = (offset, number);
        }
        let prologue = line.trim().is_empty() || line.starts_with(['#', '%', '\u{feff}']);
        blank = (blank || is_marker(line, "...")) && prologue || is_marker(line, "...");
        offset += line.len();
    }
    documents.push((start_line, &text[start..]));
    documents.retain(|(_, document)| !is_empty(document));
    documents
}

fn is_marker(line: &str, marker: &str) -> bool {
    let rest = line.strip_prefix(marker);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn is_empty(document: &str) -> bool {
    let skipped = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---" || line == "..."
    };
    document.lines().all(skipped)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Node {
            position: position(spanned.referenced),
            content: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Content, E> {
        let number = Number::from_f64(value);
        number
            .map(Content::Number)
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Content, E> {
        Ok(Content::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = pairs.next_key::<Spanned<String>>()? {
            entries.push(Entry {
                position: position(key.referenced),
                key: key.value,
                node: pairs.next_value()?,
            });
        }
        Ok(Content::Map(entries))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Content, E> {
        Err(E::custom(format!("the number {value} is too large")))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Content, E> {
        Err(E::custom(format!("the number {value} is too large")))
    }
}

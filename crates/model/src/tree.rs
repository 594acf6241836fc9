//! A parsed text as a tree that remembers where each value stands, whatever the text was written in.

pub(crate) mod json;
pub(crate) mod path;
pub(crate) mod properties;
pub(crate) mod toml;
pub(crate) mod yaml;

use serde_json::{Number, Value};

use path::Step;

/// A place in a text; line 0 is "not known".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) content: Content,
}

/// What stands at a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key, where the key begins, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) key: String,
    pub(crate) node: Node,
}

impl Node {
    /// The same value without the places. Of a key that stands twice the last one counts; parsers report it before.
    pub(crate) fn to_value(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number(value) => Value::Number(value.clone()),
            Content::Text(value) => Value::String(value.clone()),
            Content::List(items) => items.iter().map(Node::to_value).collect(),
            Content::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), entry.node.to_value()));
                Value::Object(pairs.collect())
            }
        }
    }

    /// The entry of a mapping.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Where the value at the end of `steps` stands; where the way ends early, the last value on it.
    ///
    /// The place of a mapping's entry is its key: that is what a person looks for.
    pub(crate) fn locate(&self, steps: &[Step]) -> Position {
        let mut node = self;
        let mut position = self.position;
        for step in steps {
            match (step, &node.content) {
                (Step::Key(key), Content::Map(_)) => match node.entry(key) {
                    Some(entry) => (node, position) = (&entry.node, entry.position),
                    None => return position,
                },
                (Step::Index(index), Content::List(items)) => match items.get(*index) {
                    Some(item) => (node, position) = (item, item.position),
                    None => return position,
                },
                _ => return position,
            }
        }
        position
    }

    /// Takes the entry at the end of `steps` out of its mapping.
    pub(crate) fn remove(&mut self, steps: &[Step]) {
        let Some((step, rest)) = steps.split_first() else {
            return;
        };
        match (step, &mut self.content) {
            (Step::Key(key), Content::Map(entries)) if rest.is_empty() => entries.retain(|entry| entry.key != *key),
            (Step::Key(key), Content::Map(entries)) => {
                let entry = entries.iter_mut().find(|entry| entry.key == *key);
                if let Some(entry) = entry {
                    entry.node.remove(rest);
                }
            }
            (Step::Index(index), Content::List(items)) => {
                if let Some(item) = items.get_mut(*index) {
                    item.remove(rest);
                }
            }
            _ => {}
        }
    }
}

/// Turns byte offsets of one text into places.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The place of the character that holds this byte.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or("");
        Position {
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one_and_columns_in_characters() {
        let lines = Lines::new("ab\nöx\n");
        for (offset, line, column) in [(0, 1, 1), (1, 1, 2), (3, 2, 1), (5, 2, 2), (7, 3, 1), (99, 3, 1)] {
            assert_eq!(lines.position(offset), Position { line, column }, "{offset}");
        }
    }
}

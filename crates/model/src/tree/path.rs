//! The way to a value: as people read it (`spec.rules[0].name`) and as steps through a tree.

use std::fmt::Write;

/// One step down a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// Writes the steps as people read them.
pub(crate) fn render(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) => push_key(&mut path, key),
            Step::Index(index) => write!(path, "[{index}]").expect("a String takes all text"),
        }
    }
    path
}

/// `path` with one more key.
pub(crate) fn join(path: &str, key: &str) -> String {
    let mut path = path.to_owned();
    push_key(&mut path, key);
    path
}

fn push_key(path: &mut String, key: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '$';
    if !key.is_empty() && key.chars().all(plain) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    } else {
        let key: String = key.chars().take(80).collect();
        write!(path, "[{key:?}]").expect("a String takes all text");
    }
}

/// Reads a path written by [`render`] or [`join`]. What cannot be read ends the way: the place is then the last value
/// that could be reached.
pub(crate) fn parse(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while let Some((step, left)) = parse_step(rest) {
        steps.push(step);
        rest = left;
    }
    steps
}

fn parse_step(path: &str) -> Option<(Step, &str)> {
    let path = path.strip_prefix('.').unwrap_or(path);
    if let Some(inner) = path.strip_prefix('[') {
        return parse_bracket(inner);
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    (end > 0).then(|| (Step::Key(path[..end].to_owned()), &path[end..]))
}

fn parse_bracket(inner: &str) -> Option<(Step, &str)> {
    if inner.starts_with('"') {
        let end = inner.find("\"]")?;
        let key = serde_json::from_str(&inner[..=end]).ok()?;
        return Some((Step::Key(key), &inner[end + 2..]));
    }
    let (index, rest) = inner.split_once(']')?;
    Some((Step::Index(index.parse().ok()?), rest))
}

/// Reads a JSON Pointer (RFC 6901). A number is an index where `root` has a list.
pub(crate) fn from_pointer(pointer: &str, root: &serde_json::Value) -> Vec<Step> {
    let mut value = Some(root);
    let mut steps = Vec::new();
    for segment in pointer.split('/').skip(1) {
        let key = segment.replace("~1", "/").replace("~0", "~");
        let step = match (value, key.parse::<usize>()) {
            (Some(serde_json::Value::Array(_)), Ok(index)) => Step::Index(index),
            _ => Step::Key(key),
        };
        value = value.and_then(|value| match &step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        });
        steps.push(step);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let steps = [
            Step::Key("metadata".into()),
            Step::Key("labels".into()),
            Step::Key("app.kubernetes.io/name".into()),
            Step::Index(3),
            Step::Key("weight".into()),
        ];
        let path = render(&steps);
        assert_eq!(path, "metadata.labels[\"app.kubernetes.io/name\"][3].weight");
        assert_eq!(parse(&path), steps);
    }

    #[test]
    fn a_pointer_tells_keys_from_indexes() {
        let root = serde_json::json!({"a": [{"0": 1}], "b/c": 2});
        assert_eq!(render(&from_pointer("/a/0/0", &root)), "a[0].0");
        assert_eq!(render(&from_pointer("/b~1c", &root)), "[\"b/c\"]");
        assert_eq!(render(&from_pointer("", &root)), "");
    }
}

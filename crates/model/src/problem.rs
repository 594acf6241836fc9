//! A mistake in what somebody wrote, with the place where it stands.

use std::fmt;

/// No list of problems grows longer than this: whoever has a hundred mistakes reads the first of them.
pub const MAX_PROBLEMS: usize = 100;

/// One mistake in a document, a configuration item or a set of resources.
///
/// Displayed as `stack.yaml:12:5: spec.rules[0].matches: unknown field …`; the parts that are not known are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the resource as `Kind/namespace/name` when no file is known.
    pub source: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// From 1, in characters.
    pub column: Option<u32>,
    /// The field, as in `spec.rules[0].matches`; empty for the document as a whole.
    pub path: String,
    /// What is wrong and what would be right; lower case, no full stop.
    pub message: String,
}

impl Problem {
    /// A problem at a field; its place in a text is not known (yet).
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            ..Self::default()
        }
    }

    /// The same problem in that file or resource.
    #[must_use]
    pub fn in_source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same problem at that place.
    #[must_use]
    pub(crate) fn at(mut self, position: crate::tree::Position) -> Self {
        if position.line > 0 {
            self.line = Some(position.line);
            self.column = Some(position.column);
        }
        self
    }

    fn write_place(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.line, self.column) {
            (Some(source), Some(line), Some(column)) => write!(f, "{source}:{line}:{column}: "),
            (Some(source), Some(line), None) => write!(f, "{source}:{line}: "),
            (Some(source), None, _) => write!(f, "{source}: "),
            (None, Some(line), Some(column)) => write!(f, "line {line} column {column}: "),
            (None, Some(line), None) => write!(f, "line {line}: "),
            (None, None, _) => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_place(f)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// All problems, one a line.
pub fn render(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// Keeps the first [`MAX_PROBLEMS`] and says that there are more.
pub(crate) fn cap(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        problems.truncate(MAX_PROBLEMS);
        problems.push(Problem::new("", format!("and {more} more problems: fix these first")));
    }
    problems
}

/// Text from outside as it may stand in a message: short, without control characters, in backticks.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The word of `known` that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let farthest = 1 + word.chars().count() / 3;
    known
        .into_iter()
        .map(|candidate| (distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= farthest)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's edit distance, in one row; long words are not compared.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Position;

    #[test]
    fn shows_what_is_known() {
        let problem = Problem::new("spec.port", "is missing");
        assert_eq!(problem.to_string(), "spec.port: is missing");
        let problem = problem.at(Position { line: 12, column: 5 });
        assert_eq!(problem.to_string(), "line 12 column 5: spec.port: is missing");
        let problem = problem.in_source("stack.yaml");
        assert_eq!(problem.to_string(), "stack.yaml:12:5: spec.port: is missing");
        assert_eq!(Problem::new("", "is empty").in_source("a").to_string(), "a: is empty");
    }

    #[test]
    fn finds_the_word_that_was_meant() {
        let known = ["matches", "filters", "backendRefs", "name"];
        for (word, meant) in [
            ("match", Some("matches")),
            ("backendrefs", Some("backendRefs")),
            ("nmae", Some("name")),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }

    #[test]
    fn quotes_without_control_characters() {
        assert_eq!(quote("a\r\nb\u{0}"), "`a\\r\\nb\\0`");
        assert_eq!(quote(&"x".repeat(61)).chars().count(), 63);
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let capped = cap(vec![Problem::new("a", "b"); 103]);
        assert_eq!(capped.len(), MAX_PROBLEMS + 1);
        assert_eq!(capped[MAX_PROBLEMS].message, "and 3 more problems: fix these first");
    }
}

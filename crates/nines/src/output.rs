//! What commands print: tables for people, JSON and YAML for programs. Colours and frames only on a terminal.

use std::io::{self, ErrorKind, IsTerminal, Write};

use comfy_table::{Attribute, Cell, Color, Table, presets};
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::cli::Format;
use crate::exit::Failure;

/// Where results go, and in which form.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) style: Style,
}

/// How a table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Columns apart by spaces, nothing else: for pipes and for terminals without colour.
    Plain,
    /// Coloured words and a bold header.
    Coloured,
}

/// Rows under a header. A cell's colour says how well things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rows {
    header: Vec<&'static str>,
    rows: Vec<Vec<Field>>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    text: String,
    mood: Mood,
}

/// How well things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Neutral,
    Good,
    Warning,
    Bad,
}

impl Output {
    /// The process's standard output. `NO_COLOR` (no-color.org) set to anything switches colours off.
    pub(crate) fn stdout(format: Format) -> Self {
        let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let coloured = io::stdout().is_terminal() && !quiet;
        let style = if coloured { Style::Coloured } else { Style::Plain };
        Self { format, style }
    }

    /// Prints a result: the table for people, else the value itself.
    pub(crate) fn show(&self, value: &impl Serialize, table: impl FnOnce(Style) -> String) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.print(&table(self.style)),
            format => self.print(&encode(format, value)?),
        }
    }

    /// Prints text as it is; a reader that went away (`| head`) is no error.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }
}

/// JSON or YAML, ending with a line break.
pub(crate) fn encode(format: Format, value: &impl Serialize) -> Result<String, Failure> {
    let text = match format {
        Format::Yaml => serde_saphyr::to_string(value).map_err(|error| error.to_string()),
        _ => serde_json::to_string_pretty(value).map_err(|error| error.to_string()),
    };
    let mut text = text.map_err(|reason| Failure::Refused(format!("the answer cannot be written: {reason}")))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

impl Rows {
    pub(crate) fn new(header: impl Into<Vec<&'static str>>) -> Self {
        Self {
            header: header.into(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, row: impl Into<Vec<Field>>) {
        self.rows.push(row.into());
    }

    /// The table, or `empty` as a sentence when there is no row.
    pub(crate) fn render(&self, style: Style, empty: &str) -> String {
        if self.rows.is_empty() {
            return format!("{empty}\n");
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if style == Style::Plain {
            table.force_no_tty();
        }
        table.set_header(self.header.iter().map(|title| header_cell(title, style)));
        for row in &self.rows {
            table.add_row(row.iter().map(|field| cell(field, style)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        trimmed(&table.to_string())
    }
}

fn header_cell(title: &str, style: Style) -> Cell {
    match style {
        Style::Plain => Cell::new(title),
        Style::Coloured => Cell::new(title).add_attribute(Attribute::Bold),
    }
}

fn cell(field: &Field, style: Style) -> Cell {
    let cell = Cell::new(&field.text);
    match (style, field.mood) {
        (Style::Plain, _) | (_, Mood::Neutral) => cell,
        (_, Mood::Good) => cell.fg(Color::Green),
        (_, Mood::Warning) => cell.fg(Color::Yellow),
        (_, Mood::Bad) => cell.fg(Color::Red),
    }
}

/// Without the padding at the ends of lines.
fn trimmed(table: &str) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

impl Field {
    pub(crate) fn new(text: impl Into<String>, mood: Mood) -> Self {
        Self {
            text: text.into(),
            mood,
        }
    }
}

impl<T: ToString> From<T> for Field {
    fn from(value: T) -> Self {
        Self::new(value.to_string(), Mood::Neutral)
    }
}

/// A unified diff, its lines coloured by what they are.
pub(crate) fn diff(text: &str, style: Style) -> String {
    if style == Style::Plain {
        return text.to_owned();
    }
    let mut coloured = String::new();
    for line in text.lines() {
        let line = match line.as_bytes().first() {
            Some(b'+') => line.green().to_string(),
            Some(b'-') => line.red().to_string(),
            Some(b'@') => line.cyan().to_string(),
            _ => line.to_owned(),
        };
        coloured.push_str(&line);
        coloured.push('\n');
    }
    coloured
}

/// Key and value pairs, one a line.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    pairs
        .iter()
        .map(|(key, value)| format!("{key:width$}  {value}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Rows {
        let mut rows = Rows::new(["NAME", "STATE"]);
        rows.add([Field::from("orders-1"), Field::new("ready", Mood::Good)]);
        rows.add([Field::from("b"), Field::new("down", Mood::Bad)]);
        rows
    }

    #[test]
    fn a_plain_table_is_columns_and_nothing_else() {
        let text = sample().render(Style::Plain, "nothing");
        assert_eq!(text, "NAME      STATE\norders-1  ready\nb         down\n");
    }

    #[test]
    fn no_row_is_a_sentence() {
        assert_eq!(Rows::new(["A"]).render(Style::Coloured, "no services"), "no services\n");
    }

    #[test]
    fn values_are_encoded_with_a_line_break_at_the_end() {
        let value = serde_json::json!({"a": [1, 2]});
        assert_eq!(
            encode(Format::Json, &value).expect("JSON"),
            "{\n  \"a\": [\n    1,\n    2\n  ]\n}\n"
        );
        assert!(encode(Format::Yaml, &value).expect("YAML").starts_with("a:\n"));
    }

    #[test]
    fn a_diff_is_coloured_only_on_a_terminal() {
        let text = "@@ -1 +1 @@\n-a\n+b\n";
        assert_eq!(diff(text, Style::Plain), text);
        let coloured = diff(text, Style::Coloured);
        assert!(coloured.contains("\u{1b}[31m-a\u{1b}[39m\n"), "{coloured:?}");
    }

    #[test]
    fn pairs_are_aligned() {
        assert_eq!(pairs(&[("a", "1".into()), ("long", "2".into())]), "a     1\nlong  2\n");
    }
}

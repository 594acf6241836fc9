//! The stack's status: a table that redraws itself in a terminal, a line for each change elsewhere.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use comfy_table::{Table, presets};
use crossterm::{cursor, queue, terminal};

use super::board::{Board, Row, State};

/// Shows the board until the task is dropped.
pub(crate) async fn show(board: Board) {
    let mut view = View::new();
    let mut changes = board.changes();
    loop {
        changes.borrow_and_update();
        if let Err(error) = view.update(&board.rows(), &board.messages()) {
            tracing::debug!(%error, "cannot write the status");
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

enum View {
    Terminal { drawn: u16 },
    Lines { last: BTreeMap<String, State>, said: usize },
}

impl View {
    fn new() -> Self {
        if std::io::stdout().is_terminal() {
            View::Terminal { drawn: 0 }
        } else {
            View::Lines {
                last: BTreeMap::new(),
                said: 0,
            }
        }
    }

    fn update(&mut self, rows: &BTreeMap<String, Row>, messages: &[String]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        match self {
            View::Terminal { drawn } => {
                let text = [&[table(rows)], messages].concat().join("\n");
                if *drawn > 0 {
                    queue!(out, cursor::MoveUp(*drawn), cursor::MoveToColumn(0))?;
                }
                queue!(out, terminal::Clear(terminal::ClearType::FromCursorDown))?;
                writeln!(out, "{text}")?;
                *drawn = u16::try_from(text.lines().count()).unwrap_or(u16::MAX);
            }
            View::Lines { last, said } => {
                for (name, row) in rows {
                    if last.insert(name.clone(), row.state) != Some(row.state) {
                        writeln!(out, "{}", line(name, row))?;
                    }
                }
                for message in &messages[*said..] {
                    writeln!(out, "{message}")?;
                }
                *said = messages.len();
            }
        }
        out.flush()
    }
}

fn table(rows: &BTreeMap<String, Row>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["PROCESS", "STATE", "PORT", "PID", "RESTARTS", ""]);
    let (_, height) = terminal::size().unwrap_or((80, 24));
    let fits = usize::from(height.saturating_sub(4)).max(1);
    for (name, row) in rows.iter().take(fits) {
        let port = row.port.map_or_else(|| "-".into(), |port| port.to_string());
        let pid = row.pid.map_or_else(|| "-".into(), |pid| pid.to_string());
        let note = row.note.clone().unwrap_or_default();
        table.add_row([
            name.clone(),
            row.state.as_str().into(),
            port,
            pid,
            row.restarts.to_string(),
            note,
        ]);
    }
    match rows.len().saturating_sub(fits) {
        0 => table.to_string(),
        hidden => format!("{table}\n… and {hidden} more"),
    }
}

fn line(name: &str, row: &Row) -> String {
    let mut line = format!("{name}: {}", row.state.as_str());
    if let (State::Ready, Some(port), Some(pid)) = (row.state, row.port, row.pid) {
        line.push_str(&format!(" on port {port}, pid {pid}"));
    }
    if let Some(note) = &row.note {
        line.push_str(&format!(" ({note})"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_changed() {
        let mut row = Row {
            group: "orders".into(),
            state: State::Ready,
            pid: Some(7),
            port: Some(8080),
            restarts: 0,
            note: None,
        };
        assert_eq!(line("orders-1", &row), "orders-1: ready on port 8080, pid 7");
        row.state = State::CrashLoop;
        row.note = Some("ended (exit status: 1)".into());
        assert_eq!(line("orders-1", &row), "orders-1: crash-loop (ended (exit status: 1))");
    }
}

//! `cargo xtask tidy`: the rules no linter knows.

mod docs;
mod edges;
mod sizes;

use anyhow::{Result, bail};

/// Runs every check and reports everything that breaks a rule at once.
pub(crate) fn run() -> Result<()> {
    let mut findings = edges::check(&crate::command::metadata()?);
    findings.extend(sizes::check()?);
    findings.extend(docs::check()?);
    if findings.is_empty() {
        eprintln!("tidy: crate edges, sizes and docs are in order");
        return Ok(());
    }
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    bail!("{} finding(s)", findings.len())
}

//! Files over 600 lines and functions over 80 want their reason in a comment: `size:` at the file's head, `long:`
//! above the function. And no `mod.rs`: a module is `name.rs` beside `name/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::root;

const MAX_FILE: usize = 600;
const MAX_FUNCTION: usize = 80;

pub(super) fn check() -> Result<Vec<String>> {
    let mut files = Vec::new();
    for folder in ["crates", "examples", "fuzz/fuzz_targets"] {
        collect(&root().join(folder), &mut files)?;
    }
    let mut findings = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        findings.extend(check_file(&name, &text));
    }
    Ok(findings)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn check_file(name: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut findings = Vec::new();
    if name.ends_with("/mod.rs") {
        findings.push(format!("{name}: write the module as a file beside its folder"));
    }
    if lines.len() > MAX_FILE && !lines.iter().take(10).any(|line| line.contains("size:")) {
        findings.push(format!(
            "{name}: {} lines; split it, or give the reason as `//! size: …`",
            lines.len()
        ));
    }
    findings.extend(long_functions(&lines).map(|(line, length)| {
        format!("{name}:{line}: a function of {length} lines; split it, or give the reason as `// long: …` above it")
    }));
    findings
}

/// Start and length of each long function without a reason. Relies on rustfmt: a function ends at the first closing
/// brace that stands as deep as its `fn`.
fn long_functions<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = (usize, usize)> + 'a {
    let starts = lines.iter().enumerate().filter(|(_, line)| is_function(line));
    starts.filter_map(|(start, line)| {
        let indent = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let length = lines[start..].iter().position(|line| *line == end)? + 1;
        let excused = lines[start.saturating_sub(8)..start]
            .iter()
            .any(|line| line.contains("long:"));
        (length > MAX_FUNCTION && !excused).then_some((start + 1, length))
    })
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let code = ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe "]
        .iter()
        .fold(line, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    code.starts_with("fn ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!(
            "    pub(crate) async fn long() {{\n{}    }}\n",
            "        x();\n".repeat(lines)
        )
    }

    #[test]
    fn a_long_function_wants_a_reason() {
        assert!(check_file("a.rs", &function(70)).is_empty());
        assert_eq!(check_file("a.rs", &function(90)).len(), 1);
        assert!(check_file("a.rs", &format!("    // long: one table\n{}", function(90))).is_empty());
    }

    #[test]
    fn a_long_file_wants_a_reason() {
        let text = "// line\n".repeat(700);
        assert_eq!(check_file("a.rs", &text).len(), 1);
        assert!(check_file("a.rs", &format!("//! size: one table\n{text}")).is_empty());
        assert_eq!(check_file("a/mod.rs", "").len(), 1);
    }
}

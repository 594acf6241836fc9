//! Documents that tell the truth: crates they name exist, crates that exist are on the map, links lead somewhere.

use std::path::Path;

use anyhow::{Context, Result};

use crate::command::root;

const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "GLOSSARY.md",
    "CHANGELOG.md",
];
const MAX_ARCHITECTURE: usize = 250;

pub(super) fn check() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for page in pages()? {
        let text = std::fs::read_to_string(root().join(&page)).with_context(|| format!("cannot read {page}"))?;
        findings.extend(dead_references(&page, &text, |path| root().join(path).exists()));
    }
    findings.extend(map()?);
    Ok(findings)
}

/// The pages at the root and everything under `docs/`.
fn pages() -> Result<Vec<String>> {
    let mut pages: Vec<String> = PAGES.iter().map(ToString::to_string).collect();
    for folder in ["docs/guide", "docs/reference"] {
        let Ok(entries) = std::fs::read_dir(root().join(folder)) else {
            continue;
        };
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") {
                pages.push(format!("{folder}/{name}"));
            }
        }
    }
    Ok(pages)
}

/// Every crate has its place in ARCHITECTURE.md, and that page stays readable in one sitting.
fn map() -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).context("cannot read ARCHITECTURE.md")?;
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(root().join("crates")).context("cannot list crates")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !text.contains(&format!("`crates/{name}`")) {
            findings.push(format!("ARCHITECTURE.md: `crates/{name}` has no place on the map"));
        }
    }
    if text.lines().count() > MAX_ARCHITECTURE {
        findings.push(format!(
            "ARCHITECTURE.md: over {MAX_ARCHITECTURE} lines; a map is read in one sitting"
        ));
    }
    Ok(findings)
}

fn dead_references(page: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let crates = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.starts_with("crates/"));
    let crates = crates.map(|code| Path::new(code.split([':', ' ']).next().unwrap_or(code)).to_path_buf());
    let crates = crates.filter(|path| !path.to_string_lossy().contains(['<', '{', '*', '…']));
    let links = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next());
    let links = links
        .filter(|link| !link.is_empty() && !link.contains("://"))
        .map(|link| folder.join(link));
    let dead = crates.chain(links).filter(|path| !exists(path));
    dead.map(|path| format!("{page}: names {}, which does not exist", path.display()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_names_are_found() {
        let exists = |path: &Path| path == Path::new("crates/base") || path == Path::new("docs/guide/sdk.md");
        let check = |page: &str, text: &str| dead_references(page, text, exists).len();
        assert_eq!(
            check(
                "README.md",
                "`crates/base` and [sdk](docs/guide/sdk.md#start) and [web](https://x.y)"
            ),
            0
        );
        assert_eq!(check("README.md", "`crates/gone` and [gone](docs/gone.md)"), 2);
        assert_eq!(check("docs/guide/up.md", "[sdk](sdk.md)"), 0);
    }
}

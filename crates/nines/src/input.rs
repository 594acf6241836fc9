//! What commands read: files, folders, standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// A text and what people know it by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Reads everything that was named, in that order; the files of a folder by name.
pub(crate) fn read_all(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            for file in files(path)? {
                sources.push(read(&file)?);
            }
        } else {
            sources.push(read(path)?);
        }
    }
    Ok(sources)
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Source, Failure> {
    if path.as_os_str() == "-" {
        return standard_input();
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}

fn standard_input() -> Result<Source, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Failure::Misuse(format!("cannot read standard input: {error}")))?;
    Ok(Source {
        name: "standard input".into(),
        text,
    })
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        let message = format!("there is no *.yaml, *.yml or *.json in {}", folder.display());
        return Err(Failure::Misuse(message));
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Misuse(format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_documents_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.yaml", "a.json", "notes.txt", "c.yml"] {
            std::fs::write(folder.path().join(name), name).expect("a file");
        }
        let sources = read_all(&[folder.path().to_owned()]).expect("readable");
        let texts: Vec<&str> = sources.iter().map(|source| source.text.as_str()).collect();
        assert_eq!(texts, ["a.json", "b.yaml", "c.yml"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("none.yaml");
        for (path, part) in [
            (folder.path(), "there is no *.yaml"),
            (missing.as_path(), "cannot read"),
        ] {
            let failure = read_all(&[path.to_owned()]).expect_err("nothing to read");
            assert!(failure.to_string().contains(part), "{failure}");
            assert_eq!(failure.code(), 2);
        }
    }
}

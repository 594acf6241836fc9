//! Configuration from files: read once at the start, then whenever they change or on SIGHUP. A broken edit changes
//! nothing but the log and `/readyz`, and is tried again until it comes into force or another one does.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nines_model::check::{Resources, check};
use nines_model::document::{Document, locate, parse_documents};
use nines_model::{Catalog, Problem, Revision};
use nines_runtime::{Health, Tasks};
use notify::{RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::publisher::Publisher;
use crate::source::RETRY;
use crate::{Error, snapshot};

/// An editor writes a file in several steps; they count as one when they follow each other as quickly as this.
const SETTLE: Duration = Duration::from_millis(100);
/// The name of the check at `/readyz`.
const CHECK: &str = "configuration";
/// An editor may have emptied a file that it is about to write.
const EMPTY: &str = "is empty; write a resource or a comment, or remove it";

/// Follows the files.
struct Follower {
    path: PathBuf,
    publisher: Publisher,
    health: Health,
    /// Of the configuration in force.
    revision: Revision,
    /// Why the last edit is not in force.
    wrong: Option<String>,
}

/// Reads the files, puts them in force and follows them.
pub(super) async fn start(path: PathBuf, publisher: Publisher, health: Health, tasks: &Tasks) -> Result<(), Error> {
    publisher.publish(&load(&path, 1)?).await.whole()?;
    health.ready(CHECK);
    let changed = std::sync::Arc::new(Notify::new());
    let watcher = watch(&path, changed.clone())?;
    let mut hangup = nines_runtime::signal::hangup().map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    let stopping = tasks.stopping();
    let mut follower = Follower {
        path,
        publisher,
        health,
        revision: 1,
        wrong: None,
    };
    tasks.spawn("configuration files", async move {
        let _watcher = watcher;
        loop {
            tokio::select! {
                () = settled(&changed) => {}
                _ = hangup.recv() => tracing::info!("SIGHUP: reading the configuration again"),
                () = tokio::time::sleep(RETRY), if follower.wrong.is_some() => {}
                () = stopping.cancelled() => return,
            }
            follower.reload().await;
        }
    });
    Ok(())
}

impl Follower {
    async fn reload(&mut self) {
        let result = match self.read() {
            Ok(catalog) => self.publisher.publish(&catalog).await.whole(),
            Err(error) => Err(error),
        };
        let wrong = result.err().map(|error| error.to_string());
        match &wrong {
            None => {
                self.revision += 1;
                self.health.ready(CHECK);
                tracing::info!(revision = self.revision, "the configuration has changed");
            }
            Some(error) => {
                self.health
                    .ready_but(CHECK, format!("the last edit is not in force: {error}"));
                if self.wrong != wrong {
                    tracing::error!(%error, "the configuration stays as it was");
                }
            }
        }
        self.wrong = wrong;
    }

    /// Whoever wants no listener at all stops the process; files that say so are being replaced or were lost.
    fn read(&self) -> Result<Catalog, Error> {
        let catalog = load(&self.path, self.revision + 1)?;
        if snapshot::listeners(&catalog).is_empty() && !self.publisher.listeners().is_empty() {
            return Err(Error::NoListener);
        }
        Ok(catalog)
    }
}

/// Waits for a change and for the quiet after it, but not for ever.
async fn settled(changed: &Notify) {
    changed.notified().await;
    let quiet = async { while tokio::time::timeout(SETTLE, changed.notified()).await.is_ok() {} };
    // Whether quiet came or patience ended, the files are read now.
    tokio::time::timeout(10 * SETTLE, quiet).await.unwrap_or_default();
}

/// A file is watched through its directory, because editors and config maps replace files instead of writing them.
fn watch(path: &Path, changed: std::sync::Arc<Notify>) -> Result<notify::RecommendedWatcher, Error> {
    let fail = |source| Error::Watch {
        path: path.to_owned(),
        source,
    };
    let watched = path.to_owned();
    let on_event = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(|p| concerns(p, &watched))) {
            changed.notify_one();
        }
    };
    let mut watcher = notify::recommended_watcher(on_event).map_err(fail)?;
    let directory = match path.parent() {
        _ if path.is_dir() => path,
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    watcher.watch(directory, RecursiveMode::NonRecursive).map_err(fail)?;
    Ok(watcher)
}

/// Whether a change of `changed` may be a change of what is read from `watched`. Kubernetes exchanges mounted files by
/// way of a link whose name begins with two dots.
fn concerns(changed: &Path, watched: &Path) -> bool {
    let is_link = changed
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
    is_link || changed.file_name() == watched.file_name() || is_document(changed)
}

fn is_document(path: &Path) -> bool {
    matches!(path.extension().and_then(|e| e.to_str()), Some("yaml" | "yml" | "json"))
}

/// Reads the documents; every mistake of every file at once.
fn load(path: &Path, revision: Revision) -> Result<Catalog, Error> {
    let mut documents: Vec<Document> = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for file in files(path).map_err(|source| read_error(path, source))? {
        let text = std::fs::read_to_string(&file).map_err(|source| read_error(&file, source))?;
        let source = file.display().to_string();
        if text.is_empty() {
            problems.push(Problem::new("", EMPTY).in_source(&source));
        }
        match parse_documents(&text, Some(&source)) {
            Ok(found) => documents.extend(found),
            Err(found) => problems.extend(found),
        }
    }
    let resources = collect(&documents, &mut problems);
    if problems.is_empty() {
        problems = locate(&documents, check(&resources, |_| false));
    }
    if !problems.is_empty() {
        return Err(Error::Problems(problems));
    }
    Ok(Catalog {
        revision,
        resources,
        ..Catalog::default()
    })
}

fn collect(documents: &[Document], problems: &mut Vec<Problem>) -> Resources {
    let mut resources = Resources::new();
    for document in documents {
        if resources.insert(document.key(), document.resource.clone()).is_some() {
            let twice = Problem::new("", "stands twice in the configuration").in_source(document.key().to_string());
            problems.extend(locate(std::slice::from_ref(document), vec![twice]));
        }
    }
    resources
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        if is_document(&file) && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn read_error(path: &Path, source: io::Error) -> Error {
    Error::Read {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: a}\n\
                           spec: {endpoints: [{address: '127.0.0.1:1'}]}\n";

    fn write(dir: &tempfile::TempDir, name: &str, text: &str) {
        std::fs::write(dir.path().join(name), text).expect("written");
    }

    #[test]
    fn a_directory_is_read_as_a_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        write(&dir, "a.yaml", SERVICE);
        write(&dir, "b.yml", &SERVICE.replace("name: a", "name: b"));
        write(&dir, "notes.txt", "not a document");
        let catalog = load(dir.path(), 7).expect("valid");
        assert_eq!((catalog.revision, catalog.resources.len()), (7, 2));
    }

    #[test]
    fn mistakes_of_all_files_are_told_with_their_places() {
        let dir = tempfile::tempdir().expect("a directory");
        write(&dir, "a.yaml", &SERVICE.replace("endpoints", "endpionts"));
        write(&dir, "b.yaml", "kind: Nothing\n");
        let error = load(dir.path(), 1).expect_err("two mistakes").to_string();
        assert!(error.contains("a.yaml:4") && error.contains("b.yaml"), "{error}");
    }

    #[test]
    fn a_resource_in_two_files_is_a_mistake() {
        let dir = tempfile::tempdir().expect("a directory");
        write(&dir, "a.yaml", SERVICE);
        write(&dir, "b.yaml", SERVICE);
        let error = load(dir.path(), 1).expect_err("a double").to_string();
        assert!(error.contains("b.yaml") && error.contains("twice"), "{error}");
    }

    #[test]
    fn an_empty_file_is_a_mistake_and_a_comment_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        write(&dir, "a.yaml", SERVICE);
        write(&dir, "b.yaml", "# nothing yet\n");
        assert_eq!(load(dir.path(), 1).expect("valid").resources.len(), 1);
        write(&dir, "b.yaml", "");
        let error = load(dir.path(), 1).expect_err("empty").to_string();
        assert!(error.contains("b.yaml") && error.contains("is empty"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = load(Path::new("/nonexistent/x.yaml"), 1)
            .expect_err("no file")
            .to_string();
        assert!(error.contains("/nonexistent/x.yaml"), "{error}");
    }
}

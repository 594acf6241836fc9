//! The access log: workers collect lines, one thread writes them, nobody waits for the disk.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::Error;
use crate::config::AccessLog;

/// A worker hands its lines over when it has so many bytes of them, or on its next tick.
const CHUNK: usize = 16 * 1024;
/// So many chunks may wait for the writer; then lines are dropped and counted.
const QUEUE: usize = 64;

/// The writing thread; ends when every [`Lines`] is gone.
#[derive(Debug)]
pub(crate) struct Writer {
    sender: Option<SyncSender<Chunk>>,
    thread: Option<JoinHandle<()>>,
}

/// One worker's lines.
#[derive(Debug)]
pub(crate) struct Lines {
    sender: Option<SyncSender<Chunk>>,
    pending: RefCell<Chunk>,
}

#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    lines: u64,
}

enum Target {
    Stdout,
    File { path: PathBuf, file: File },
}

impl Writer {
    /// Opens the log and starts its thread, if there is to be one.
    pub(crate) fn start(config: &AccessLog) -> Result<Self, Error> {
        let target = match config {
            AccessLog::Off => {
                return Ok(Self {
                    sender: None,
                    thread: None,
                });
            }
            AccessLog::Stdout => Target::Stdout,
            AccessLog::File(path) => Target::open(path).map_err(|source| Error::AccessLog {
                path: path.clone(),
                source,
            })?,
        };
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(target, &receiver))
            .map_err(Error::Thread)?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
        })
    }

    /// A worker's end.
    pub(crate) fn lines(&self) -> Lines {
        Lines {
            sender: self.sender.clone(),
            pending: RefCell::default(),
        }
    }

    /// Waits until everything handed over is written. All [`Lines`] must be gone.
    pub(crate) fn finish(mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the access log's writer panicked");
        }
    }
}

impl Lines {
    /// Whether lines are wanted at all.
    pub(crate) fn wanted(&self) -> bool {
        self.sender.is_some()
    }

    /// Takes one line, without its line feed. Gives the number of lines that had to be dropped.
    pub(crate) fn put(&self, line: &str) -> u64 {
        let mut pending = self.pending.borrow_mut();
        pending.bytes.extend_from_slice(line.as_bytes());
        pending.bytes.push(b'\n');
        pending.lines += 1;
        let full = pending.bytes.len() >= CHUNK;
        drop(pending);
        if full { self.flush() } else { 0 }
    }

    /// Hands over what there is. Gives the number of lines that had to be dropped.
    pub(crate) fn flush(&self) -> u64 {
        let chunk = self.pending.take();
        let Some(sender) = &self.sender else { return 0 };
        if chunk.lines == 0 {
            return 0;
        }
        match sender.try_send(chunk) {
            Ok(()) => 0,
            Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) => chunk.lines,
        }
    }

    /// The last hand-over, which waits for the writer.
    pub(crate) fn finish(&self) -> u64 {
        let chunk = self.pending.take();
        let lines = chunk.lines;
        let sent = self.sender.as_ref().is_none_or(|sender| sender.send(chunk).is_ok());
        if sent { 0 } else { lines }
    }
}

impl Target {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self::File {
            path: path.to_owned(),
            file,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.follow_rotation()?;
        match self {
            Target::Stdout => io::stdout().lock().write_all(bytes),
            Target::File { file, .. } => file.write_all(bytes),
        }
    }

    fn follow_rotation(&mut self) -> io::Result<()> {
        let Target::File { path, file } = self else {
            return Ok(());
        };
        let open = file.metadata()?.ino();
        if std::fs::metadata(&*path).is_ok_and(|named| named.ino() == open) {
            return Ok(());
        }
        *self = Self::open(path)?;
        Ok(())
    }
}

fn write_all(mut target: Target, chunks: &Receiver<Chunk>) {
    let mut failing = false;
    while let Ok(chunk) = chunks.recv() {
        let result = target.write(&chunk.bytes);
        if let Err(error) = &result
            && !failing
        {
            tracing::error!(%error, "the access log cannot be written; lines are lost until it can");
        }
        failing = result.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_log(dir: &tempfile::TempDir) -> (PathBuf, Writer) {
        let path = dir.path().join("access.log");
        let writer = Writer::start(&AccessLog::File(path.clone())).expect("opens");
        (path, writer)
    }

    #[test]
    fn every_line_handed_over_is_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, writer) = file_log(&dir);
        let lines = writer.lines();
        for i in 0..1000 {
            assert_eq!(lines.put(&format!("line {i}")), 0);
        }
        assert_eq!(lines.finish(), 0);
        drop(lines);
        writer.finish();
        let text = std::fs::read_to_string(path).expect("readable");
        assert_eq!(text.lines().count(), 1000);
        assert!(text.ends_with("line 999\n"));
    }

    #[test]
    fn a_renamed_log_is_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("access.log");
        let mut target = Target::open(&path).expect("opens");
        target.write(b"old\n").expect("written");
        std::fs::rename(&path, dir.path().join("access.log.1")).expect("renamed");
        target.write(b"new\n").expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "new\n");
    }

    #[test]
    fn a_stuck_writer_costs_lines_and_not_time() {
        let (sender, _receiver) = sync_channel(1);
        let lines = Lines {
            sender: Some(sender),
            pending: RefCell::default(),
        };
        let line = "x".repeat(CHUNK);
        assert_eq!(lines.put(&line), 0);
        assert_eq!(lines.put(&line), 1);
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_named() {
        let error = Writer::start(&AccessLog::File("/nonexistent/access.log".into())).expect_err("no such directory");
        assert!(error.to_string().contains("/nonexistent/access.log"), "{error}");
    }
}

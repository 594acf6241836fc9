//! Keeps the logs of a stack small, however long its processes run.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::board::Board;

/// Largest log before it moves to `NAME.log.1`.
const MAX_LOG: u64 = 64 << 20;
/// How often that is looked at; a log may be longer by what is written meanwhile.
const LOOK: Duration = Duration::from_secs(1);

/// Looks after these logs until the task is dropped.
pub(crate) async fn keep_small(logs: Vec<PathBuf>, board: Board) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        for log in logs.iter().filter(|log| is_too_long(log)) {
            let path = log.clone();
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || move_aside(&path)).await {
                board.say(&format!("{}: {error}", log.display()));
            }
        }
    }
}

fn is_too_long(log: &Path) -> bool {
    std::fs::metadata(log).is_ok_and(|metadata| metadata.len() > MAX_LOG)
}

/// Its writer has the log open and appends, so the text moves and the file stays. What is written between the last
/// read and the cut is lost. Without room for the copy the log is cut all the same: what a full disk stops is worth more.
fn move_aside(log: &Path) -> io::Result<()> {
    let copied = std::fs::copy(log, log.with_extension("log.1"));
    OpenOptions::new().write(true).open(log)?.set_len(0)?;
    copied.map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_log_moves_aside_under_its_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("a-1.log");
        let mut writer = OpenOptions::new().create(true).append(true).open(&log).expect("opens");
        let (aside, mut read) = (folder.path().join("a-1.log.1"), Vec::new());
        for text in ["one", "two", "three"] {
            writer.write_all(text.as_bytes()).expect("written");
            move_aside(&log).expect("moved");
            read.push(std::fs::read_to_string(&aside).expect("readable"));
        }
        writer.write_all(b"four").expect("written");
        read.push(std::fs::read_to_string(&log).expect("readable"));
        assert_eq!(read, ["one", "two", "three", "four"]);
    }

    #[test]
    fn a_log_is_cut_though_there_is_no_place_for_its_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("a-1.log");
        std::fs::write(&log, "text").expect("written");
        std::fs::create_dir(folder.path().join("a-1.log.1")).expect("in the way");
        move_aside(&log).expect_err("no copy");
        assert_eq!(std::fs::read_to_string(&log).expect("readable"), "");
    }
}

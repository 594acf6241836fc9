//! The data directory: made private, held by one process.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::error::{Error, Result};

/// The hold on a data directory. The kernel lets go of it when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct Hold {
    _lock: Flock<File>,
}

/// Makes `dir` if it does not exist, and takes hold of it.
pub(super) fn hold(dir: &Path) -> Result<Hold> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| refused("create", dir, &error))?;
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| refused("write to", dir, &error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Hold { _lock: lock }),
        Err((_, Errno::EWOULDBLOCK)) => Err(Error::Locked(dir.to_owned())),
        Err((_, errno)) => Err(refused("lock", &path, &errno.into())),
    }
}

/// Makes the directory's entries durable, and the entry of the directory itself: a synced file in a directory that was
/// not synced can be gone after a power failure.
pub(super) fn sync(dir: &Path) -> Result<()> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    for path in [Some(dir), parent].into_iter().flatten() {
        match File::open(path).and_then(|file| file.sync_all()) {
            Err(error) if path == dir => return Err(refused("sync", path, &error)),
            _ => {}
        }
    }
    Ok(())
}

fn refused(action: &'static str, path: &Path, error: &io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        reason: format!("{error}; choose a --data-dir that this user may write to"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_directory_is_private_and_held_once() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        let held = hold(&dir).unwrap();
        let mode = dir.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(matches!(hold(&dir), Err(Error::Locked(at)) if at == dir));
        drop(held);
        hold(&dir).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = hold(&file.join("data")).unwrap_err().to_string();
        assert!(error.contains("file/data") && error.contains("--data-dir"), "{error}");
    }
}

//! The last-known-good file: the newest catalog on disk, so that a process starts and serves with the control plane
//! down.
//!
//! One line `nines-catalog 1 <sha-256 of the rest>`, then a protobuf `Batch` with the whole catalog. Replaced as a whole
//! (temporary file, fsync, rename); a file that is torn, foreign or of another version is reported and not used.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nines_model::{Catalog, Change};
use nines_wire::convert::{change_from_proto, change_to_proto};
use nines_wire::proto;
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const MAGIC: &str = "nines-catalog";
const VERSION: &str = "1";
const INTERVAL: Duration = Duration::from_secs(1);

/// Why a last-known-good file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{} is not a usable last-known-good file ({reason}); it is ignored", .path.display())]
    Unusable { path: PathBuf, reason: String },
}

/// What the file holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Good {
    pub(crate) catalog: Arc<Catalog>,
    /// What the catalog's revision counts in, if that was known.
    pub(crate) history: Option<proto::History>,
}

/// Writes the catalog.
pub(crate) fn write(path: &Path, good: &Good) -> Result<(), CacheError> {
    let body = encode(good).map_err(|reason| CacheError::Unusable {
        path: path.into(),
        reason,
    })?;
    let head = format!("{MAGIC} {VERSION} {}\n", hex(&Sha256::digest(&body)));
    let fail = |action, path: &Path| {
        let path = path.to_path_buf();
        move |source| CacheError::Io { action, path, source }
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fail("create", folder))?;
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(fail("create", &fresh))?;
    let written = file
        .write_all(head.as_bytes())
        .and_then(|()| file.write_all(&body))
        .and_then(|()| file.sync_all());
    written.map_err(fail("write", &fresh))?;
    std::fs::rename(&fresh, path).map_err(fail("replace", path))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(fail("sync", folder))
}

/// Reads the catalog and how old it is; nothing if there is no file.
pub(crate) fn read(path: &Path, now: SystemTime) -> Result<Option<(Good, Duration)>, CacheError> {
    let fail = |source| CacheError::Io {
        action: "read",
        path: path.into(),
        source,
    };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let good = decode(&bytes).map_err(|reason| CacheError::Unusable {
        path: path.into(),
        reason,
    })?;
    let written = std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map_err(fail)?;
    Ok(Some((good, now.duration_since(written).unwrap_or_default())))
}

fn encode(good: &Good) -> Result<Vec<u8>, String> {
    let catalog = &good.catalog;
    let instances = catalog
        .instances
        .values()
        .flat_map(|service| service.values().cloned().map(Change::Instance));
    let resources = catalog.resources.values().cloned().map(Change::Resource);
    let configs = catalog.configs.values().cloned().map(Change::Config);
    let changes = instances.chain(resources).chain(configs);
    let changes = changes.map(|change| change_to_proto(&change, catalog.revision).map_err(|error| error.to_string()));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    Ok(proto::Batch {
        revision: catalog.revision,
        full: true,
        changes,
        history: good.history,
    }
    .encode_to_vec())
}

fn decode(bytes: &[u8]) -> Result<Good, String> {
    let end = bytes
        .iter()
        .take(200)
        .position(|byte| *byte == b'\n')
        .ok_or("it has no head")?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "its head is not text")?;
    let body = &bytes[end + 1..];
    match head.split(' ').collect::<Vec<_>>().as_slice() {
        [MAGIC, VERSION, sum] if *sum == hex(&Sha256::digest(body)) => {}
        [MAGIC, VERSION, _] => return Err("its checksum does not fit: it is torn".into()),
        [MAGIC, version, _] => return Err(format!("it has version {version}, this program reads {VERSION}")),
        _ => return Err("it is something else".into()),
    }
    let batch = proto::Batch::decode(body).map_err(|error| error.to_string())?;
    let mut catalog = Catalog {
        revision: batch.revision,
        ..Catalog::default()
    };
    for change in batch.changes {
        catalog.apply(change_from_proto(change).map_err(|error| error.to_string())?);
    }
    Ok(Good {
        catalog: Arc::new(catalog),
        history: batch.history,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps the file as new as the states that come, beside the stream they come from: a slow disk delays nobody. The first
/// state is written at once, later ones at most once a second, the last one before the task ends. A failure is logged,
/// for the file is a help and not a need.
pub(crate) async fn keep(path: PathBuf, mut states: watch::Receiver<Option<Good>>, stopping: CancellationToken) {
    while states.changed().await.is_ok() {
        let Some(good) = states.borrow_and_update().clone() else {
            continue;
        };
        let target = path.clone();
        match tokio::task::spawn_blocking(move || write(&target, &good)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot keep the last-known-good file"),
            Err(error) => tracing::warn!(%error, "the last-known-good file was not written"),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = stopping.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_model::{ConfigItem, ConfigKey, Format};

    fn good() -> Good {
        let key = ConfigKey::new("default", "orders.discount");
        let item = ConfigItem {
            key: key.clone(),
            version: 3,
            format: Format::Json,
            content: "{\"percent\": 10}".into(),
            schema: None,
            sha256: "0".repeat(64),
            author: None,
            note: None,
            published_at: "2026-01-01T00:00:00Z".into(),
            revision: 41,
        };
        let mut catalog = Catalog {
            revision: 42,
            ..Catalog::default()
        };
        catalog.apply(Change::Config(item));
        Good {
            catalog: Arc::new(catalog),
            history: Some(proto::History { store: 7, opening: 8 }),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/catalog");
        assert!(read(&path, SystemTime::UNIX_EPOCH).unwrap().is_none());
        write(&path, &good()).unwrap();
        let (read, age) = read(&path, SystemTime::UNIX_EPOCH).unwrap().unwrap();
        assert_eq!(read, good());
        assert_eq!(age, Duration::ZERO, "a clock that stepped back makes nothing old");
    }

    #[test]
    fn a_damaged_file_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog");
        write(&path, &good()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let newer = String::from_utf8_lossy(&bytes).replacen("nines-catalog 1", "nines-catalog 2", 1);
        let table: [(&str, Vec<u8>, &str); 5] = [
            ("cut", bytes[..bytes.len() - 1].to_vec(), "torn"),
            ("empty", Vec::new(), "no head"),
            ("foreign", b"hello world\n".to_vec(), "something else"),
            ("newer", newer.into_bytes(), "version 2"),
            ("binary", vec![0xff; 300], "no head"),
        ];
        for (name, bytes, reason) in table {
            std::fs::write(&path, bytes).unwrap();
            let error = read(&path, SystemTime::UNIX_EPOCH).expect_err(name).to_string();
            assert!(error.contains(reason), "{name}: {error}");
        }
    }

    #[test]
    fn a_torn_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog");
        write(&path, &good()).unwrap();
        std::fs::write(path.with_extension("new"), b"half").unwrap();
        assert_eq!(read(&path, SystemTime::UNIX_EPOCH).unwrap().unwrap().0, good());
    }
}

//! The file: one redb database with the log of changes, the leases and a few numbers.
//!
//! The log's key is (revision, place in the revision), so a commit appends at the right edge of one tree and nothing
//! else; what is current is found by reading the log once, at open. A commit is synced before it returns.

mod probe;
mod read;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nines_base::Rng;
use parking_lot::RwLock;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use super::group::Changes;
use super::record;
use super::state::{Garbage, Position, State};
use crate::error::{Error, Result};
use crate::types::{LeaseId, Revision};

const LOG: TableDefinition<'_, Position, &[u8]> = TableDefinition::new("log");
const LEASES: TableDefinition<'_, i64, u64> = TableDefinition::new("leases");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The version of the layout. A file of a newer one is refused.
const FORMAT: u64 = 1;
const FORMAT_KEY: &str = "format";
const COMPACTED_KEY: &str = "compacted";
const CLEANED_KEY: &str = "cleaned";
/// The store's name; see [`History`](crate::History).
const NAME_KEY: &str = "name";

/// The hot state is in memory already; the cache serves reads of the history and the compaction.
const CACHE_BYTES: usize = 32 << 20;
/// A file under this size is not worth shrinking.
const SHRINK_FROM: u64 = 64 << 20;

/// Opens the database; tests put a disk in between that fails or loses power.
pub(super) trait Disk: Debug + Send + Sync {
    fn open(&self, path: &Path) -> std::result::Result<Database, redb::Error>;
}

/// The machine's own file system.
#[derive(Debug)]
pub(super) struct FileSystem;

/// The open file.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    disk: Box<dyn Disk>,
    database: RwLock<Option<Arc<Database>>>,
}

/// What a file held when it was opened.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) state: State,
    pub(super) leases: Vec<(LeaseId, Duration)>,
    pub(super) name: u64,
}

impl Disk for FileSystem {
    fn open(&self, path: &Path) -> std::result::Result<Database, redb::Error> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        Ok(builder.create(path)?)
    }
}

impl Table {
    /// Opens the file, making it if it does not exist, and reads it.
    pub(super) fn open(path: PathBuf, disk: Box<dyn Disk>) -> Result<(Self, Loaded)> {
        let table = Self {
            path,
            disk,
            database: RwLock::new(None),
        };
        let loaded = table.guarded(|| {
            let mut database = table
                .disk
                .open(&table.path)
                .map_err(|error| table.failed("open", error))?;
            table.prepare(&database)?;
            let loaded = table.load(&database)?;
            table.shrink(&mut database);
            *table.database.write() = Some(Arc::new(database));
            Ok(loaded)
        })?;
        Ok((table, loaded))
    }

    /// After a failed write redb takes no more writes until the file is opened again.
    pub(super) fn reopen(&self) -> Result<()> {
        self.close();
        self.guarded(|| {
            let database = self.disk.open(&self.path).map_err(|error| self.failed("open", error))?;
            *self.database.write() = Some(Arc::new(database));
            Ok(())
        })
    }

    pub(super) fn close(&self) {
        self.database.write().take();
    }

    /// Bytes on disk.
    pub(super) fn size(&self) -> u64 {
        self.path.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Writes a group and syncs it. After an error the group is on disk whole or not at all; reopen and see.
    pub(super) fn commit(&self, changes: &Changes, garbage: Option<&Garbage>) -> Result<()> {
        self.guarded(|| {
            let write = self.write(changes, garbage);
            write.map_err(|error| self.failed("write", error))
        })
    }

    fn write(&self, changes: &Changes, garbage: Option<&Garbage>) -> std::result::Result<(), redb::Error> {
        let write = self.database().ok_or(redb::Error::DatabaseClosed)?.begin_write()?;
        if !changes.commits.is_empty() || garbage.is_some() {
            let mut log = write.open_table(LOG)?;
            let mut row = Vec::new();
            for (at, event) in changes.rows() {
                record::encode(event, &mut row);
                log.insert(at, row.as_slice())?;
            }
            for (_, at) in garbage.into_iter().flat_map(|garbage| &garbage.rows) {
                log.remove(*at)?;
            }
        }
        if !changes.granted.is_empty() || !changes.revoked.is_empty() {
            let mut leases = write.open_table(LEASES)?;
            for (id, ttl) in &changes.granted {
                leases.insert(id.0, u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))?;
            }
            for id in &changes.revoked {
                leases.remove(id.0)?;
            }
        }
        if changes.compacted.is_some() || garbage.is_some() {
            let mut meta = write.open_table(META)?;
            if let Some(compacted) = changes.compacted {
                meta.insert(COMPACTED_KEY, compacted)?;
            }
            if let Some(garbage) = garbage {
                meta.insert(CLEANED_KEY, garbage.cleaned)?;
            }
        }
        Ok(write.commit()?)
    }

    /// Makes the tables of a new file; refuses a file that is not a store's or is newer.
    fn prepare(&self, database: &Database) -> Result<()> {
        let found = self.format_of(database).map_err(|error| self.failed("read", error))?;
        match found {
            Some(FORMAT) => name(database).map_err(|error| self.failed("write", error)),
            Some(found) if found > FORMAT => Err(Error::NewerFormat {
                path: self.path.clone(),
                found: u32::try_from(found).unwrap_or(u32::MAX),
                supported: FORMAT as u32,
            }),
            Some(found) => Err(self.corrupt(format!("it has store format {found}, which never was"))),
            None => create_tables(database).map_err(|error| self.failed("write", error)),
        }
    }

    fn format_of(&self, database: &Database) -> std::result::Result<Option<u64>, redb::Error> {
        let read = database.begin_read()?;
        if read.list_tables()?.next().is_none() {
            return Ok(None);
        }
        let meta = read.open_table(META)?;
        let format = meta.get(FORMAT_KEY)?.map(|value| value.value());
        Ok(Some(format.unwrap_or(0)))
    }

    /// Gives the disk back what a large history left behind. Only at open: it needs the file for itself.
    fn shrink(&self, database: &mut Database) {
        let size = self.size();
        if size < SHRINK_FROM {
            return;
        }
        let used = used_bytes(database).unwrap_or(size);
        if used < size / 4 {
            match database.compact() {
                Ok(_) => tracing::info!(before = size, after = self.size(), "the store file was shrunk"),
                Err(error) => tracing::warn!(%error, "the store file could not be shrunk and is used as it is"),
            }
        }
    }

    fn database(&self) -> Option<Arc<Database>> {
        self.database.read().clone()
    }

    /// A file that is damaged in the right place can make the engine panic; for us that is an error like any other.
    fn guarded<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(self.corrupt(text.unwrap_or("the storage engine gave up on it").to_owned()))
        })
    }

    fn failed(&self, action: &'static str, error: redb::Error) -> Error {
        let path = self.path.clone();
        match error {
            redb::Error::DatabaseAlreadyOpen => Error::Locked(path),
            redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                self.corrupt(error.to_string())
            }
            redb::Error::Io(error) => Error::Io {
                action,
                path,
                reason: error.to_string(),
            },
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => Error::Io {
                action,
                path,
                reason: error.to_string(),
            },
            other => self.corrupt(other.to_string()),
        }
    }

    fn corrupt(&self, reason: String) -> Error {
        Error::Corrupt {
            path: self.path.clone(),
            reason,
        }
    }
}

fn create_tables(database: &Database) -> std::result::Result<(), redb::Error> {
    let write = database.begin_write()?;
    write.open_table(LOG)?;
    write.open_table(LEASES)?;
    let mut meta = write.open_table(META)?;
    meta.insert(FORMAT_KEY, FORMAT)?;
    meta.insert(NAME_KEY, new_name())?;
    drop(meta);
    Ok(write.commit()?)
}

/// Gives a file a name that was made before files had one.
fn name(database: &Database) -> std::result::Result<(), redb::Error> {
    if database.begin_read()?.open_table(META)?.get(NAME_KEY)?.is_some() {
        return Ok(());
    }
    let write = database.begin_write()?;
    write.open_table(META)?.insert(NAME_KEY, new_name())?;
    Ok(write.commit()?)
}

fn new_name() -> u64 {
    Rng::from_entropy().next_u64().max(1)
}

fn used_bytes(database: &Database) -> std::result::Result<u64, redb::Error> {
    let stats = database.begin_read()?.open_table(LOG)?.stats()?;
    Ok(stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes())
}

impl Table {
    fn load(&self, database: &Database) -> Result<Loaded> {
        let mut loaded = Loaded::default();
        let cleaned = self
            .load_rows(database, &mut loaded)
            .map_err(|error| self.failed("read", error))??;
        loaded.state.set_cleaned(cleaned);
        Ok(loaded)
    }

    fn load_rows(
        &self,
        database: &Database,
        loaded: &mut Loaded,
    ) -> std::result::Result<Result<Revision>, redb::Error> {
        let read = database.begin_read()?;
        let meta = read.open_table(META)?;
        let number = |key| Ok::<_, redb::Error>(meta.get(key)?.map_or(0, |value| value.value()));
        let (compacted, cleaned) = (number(COMPACTED_KEY)?, number(CLEANED_KEY)?);
        loaded.name = number(NAME_KEY)?;
        for row in read.open_table(LEASES)?.iter()? {
            let (id, ttl) = row?;
            loaded
                .leases
                .push((LeaseId(id.value()), Duration::from_millis(ttl.value())));
        }
        for row in read.open_table(LOG)?.iter()? {
            let (at, row) = row?;
            let at = at.value();
            let Some(event) = record::decode(at.0, row.value()) else {
                return Ok(Err(self.corrupt(format!("the log has no record at revision {}", at.0))));
            };
            loaded.state.apply(&event, at);
        }
        // Compaction keeps the changes of the revision it goes to, so the log always ends with the newest revision.
        if compacted > loaded.state.revision {
            let newest = loaded.state.revision;
            return Ok(Err(self.corrupt(format!(
                "it is compacted to {compacted}, but its log ends at {newest}"
            ))));
        }
        loaded.state.compacted = compacted;
        Ok(Ok(cleaned))
    }
}

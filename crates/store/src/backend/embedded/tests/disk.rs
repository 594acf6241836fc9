//! A disk in memory that can be full, refuse a sync, die, and lose its power.

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;

use nines_base::Rng;
use parking_lot::Mutex;
use redb::{Database, StorageBackend};

use super::*;

#[derive(Debug, Clone, Default)]
pub(super) struct TestDisk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    /// What reads see.
    cache: Vec<u8>,
    /// What a power failure leaves for sure.
    synced: Vec<u8>,
    /// What it may or may not leave.
    pending: Vec<(usize, Vec<u8>)>,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// The file cannot grow.
    Full,
    /// The next sync fails.
    Sync,
    /// Nothing works.
    Dead,
}

impl TestDisk {
    pub(super) fn set(&self, fault: Fault) {
        self.0.lock().fault = fault;
    }

    /// The disk as it is after the power went: what was synced, and some of what was written since, cut anywhere.
    pub(super) fn after_power_failure(&self, rng: &mut Rng) -> TestDisk {
        let platter = self.0.lock();
        let mut left = platter.synced.clone();
        left.resize(platter.cache.len(), 0);
        for (offset, data) in &platter.pending {
            let cut = match rng.below(3) {
                0 => 0,
                1 => data.len(),
                _ => rng.below(data.len() as u64 + 1) as usize / 512 * 512,
            };
            left[*offset..offset + cut].copy_from_slice(&data[..cut]);
        }
        TestDisk(Arc::new(Mutex::new(Platter {
            cache: left.clone(),
            synced: left,
            ..Platter::default()
        })))
    }

    pub(super) fn open_store(&self, dir: &Path, config: Config) -> crate::Result<Embedded> {
        Embedded::open_with(dir, config, Box::new(self.clone()))
    }
}

impl Disk for TestDisk {
    fn open(&self, _: &Path) -> std::result::Result<Database, redb::Error> {
        if self.0.lock().fault == Fault::Dead {
            return Err(dead().into());
        }
        Ok(Database::builder().create_with_backend(self.clone())?)
    }
}

impl StorageBackend for TestDisk {
    fn len(&self) -> Result<u64> {
        Ok(self.0.lock().cache.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let platter = self.0.lock();
        platter.alive()?;
        let from = offset as usize;
        out.copy_from_slice(
            platter
                .cache
                .get(from..from + out.len())
                .ok_or(ErrorKind::UnexpectedEof)?,
        );
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut platter = self.0.lock();
        platter.alive()?;
        if platter.fault == Fault::Full && len as usize > platter.cache.len() {
            return Err(Error::new(ErrorKind::StorageFull, "no space left on device"));
        }
        platter.cache.resize(len as usize, 0);
        platter.synced.resize(len as usize, 0);
        platter
            .pending
            .retain(|(offset, data)| offset + data.len() <= len as usize);
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let mut platter = self.0.lock();
        platter.alive()?;
        if platter.fault == Fault::Sync {
            platter.fault = Fault::None;
            return Err(Error::other("the sync failed"));
        }
        platter.pending.clear();
        platter.synced = platter.cache.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut platter = self.0.lock();
        platter.alive()?;
        let from = offset as usize;
        let to = platter
            .cache
            .get_mut(from..from + data.len())
            .ok_or(ErrorKind::UnexpectedEof)?;
        to.copy_from_slice(data);
        platter.pending.push((from, data.to_vec()));
        Ok(())
    }
}

impl Platter {
    fn alive(&self) -> Result<()> {
        if self.fault == Fault::Dead { Err(dead()) } else { Ok(()) }
    }
}

fn dead() -> Error {
    Error::other("the disk is gone")
}

//! Finding out whether the disk takes writes again.

use redb::TableDefinition;

use super::Table;
use crate::error::Result;
use crate::limits::MAX_VALUE_BYTES;

const PROBE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("probe");

impl Table {
    /// Writes as much as the largest value, syncs it, and removes it: room for less is not room for every write. After an error the file must be opened again, as after a commit's.
    pub(in crate::backend::embedded) fn probe(&self) -> Result<()> {
        self.guarded(|| self.write_probe().map_err(|error| self.failed("write", error)))
    }

    fn write_probe(&self) -> std::result::Result<(), redb::Error> {
        let database = self.database().ok_or(redb::Error::DatabaseClosed)?;
        let write = database.begin_write()?;
        write
            .open_table(PROBE)?
            .insert(0, vec![0; MAX_VALUE_BYTES].as_slice())?;
        write.commit()?;
        let write = database.begin_write()?;
        write.delete_table(PROBE)?;
        Ok(write.commit()?)
    }
}

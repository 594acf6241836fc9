//! Reads at an older revision.

use super::state::{Found, State, shape};
use super::table::Table;
use crate::error::{Error, Result};
use crate::types::{KeyValue, Range, RangeResult, Revision};

/// A read that has been looked up in memory; the values may still be in the file.
pub(super) enum Lookup {
    Answer(RangeResult),
    InFile {
        found: Vec<Found>,
        more: bool,
        revision: Revision,
    },
}

/// Looks a range up at revision `at`.
pub(super) fn look_up(state: &State, range: &Range, at: Revision) -> Result<Lookup> {
    if at > state.revision {
        return Err(Error::FutureRevision {
            asked: at,
            newest: state.revision,
        });
    }
    if at < state.compacted {
        return Err(Error::Compacted {
            oldest: state.compacted,
        });
    }
    if at == state.revision {
        return Ok(Lookup::Answer(state.select(range)));
    }
    let (found, more) = state.find(range, at);
    Ok(Lookup::InFile {
        found,
        more,
        revision: state.revision,
    })
}

/// Shapes what the file had into the answer; `None` was compacted away in the meantime.
pub(super) fn answer(
    kvs: Option<Vec<KeyValue>>,
    range: &Range,
    more: bool,
    revision: Revision,
    oldest: impl FnOnce() -> Revision,
) -> Result<RangeResult> {
    let Some(kvs) = kvs else {
        return Err(Error::Compacted { oldest: oldest() });
    };
    let kvs = kvs.into_iter().map(|kv| shape(kv, range)).collect();
    Ok(RangeResult { kvs, more, revision })
}

/// Reads a range at revision `at`, from the file if need be; blocks.
pub(super) fn read(state: &State, table: &Table, range: &Range, at: Revision) -> Result<RangeResult> {
    match look_up(state, range, at)? {
        Lookup::Answer(result) => Ok(result),
        Lookup::InFile { found, more, revision } => {
            answer(table.fetch(found)?, range, more, revision, || state.compacted)
        }
    }
}

//! What this crate's tests share.

use std::path::Path;

use nines_store::{Backend, Config, Embedded};

/// An embedded store.
pub(crate) fn store(dir: &Path) -> Backend {
    Embedded::open(dir, Config::default()).unwrap().into()
}

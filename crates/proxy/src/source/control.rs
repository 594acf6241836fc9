//! Configuration from the control plane.

use std::path::PathBuf;

use nines_runtime::{Health, Tasks};

use crate::Error;
use crate::publisher::Publisher;

/// How to reach the control plane.
#[derive(Debug, Clone)]
pub struct Control {
    /// `http://HOST:PORT`.
    pub server: String,
    /// Where the last state that was received is kept.
    pub data_dir: PathBuf,
}

pub(super) fn start(_control: Control, _publisher: Publisher, _health: Health, _tasks: &Tasks) -> Result<(), Error> {
    Err(Error::Control("not built yet".into()))
}

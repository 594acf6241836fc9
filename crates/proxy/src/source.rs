//! Where the configuration comes from.

mod control;
mod file;

use std::path::PathBuf;
use std::time::Duration;

use nines_base::Clock;
use nines_runtime::{Health, Tasks};

use crate::Error;
use crate::publisher::Publisher;

pub use control::Control;

/// What could not be put in force is tried again this often: an address may have become free.
const RETRY: Duration = Duration::from_secs(1);

/// Where a data plane gets its configuration from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Resource documents in a file, or in all `.yaml`, `.yml` and `.json` files of a directory; read again when they
    /// change.
    Files(PathBuf),
    /// The control plane, with the last state it sent kept on disk.
    Control(Control),
}

impl Source {
    /// Puts the first configuration in force as far as it is there, and follows its changes from then on.
    pub(crate) async fn start(
        self,
        publisher: &Publisher,
        health: &Health,
        clock: Clock,
        tasks: &Tasks,
    ) -> Result<(), Error> {
        match self {
            Source::Files(path) => file::start(path, publisher.clone(), health.clone(), tasks).await,
            Source::Control(control) => control::start(control, publisher.clone(), health.clone(), clock, tasks),
        }
    }
}

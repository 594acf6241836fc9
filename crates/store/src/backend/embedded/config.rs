//! How an embedded store is set up.

use std::time::Duration;

use nines_base::Clock;

use super::metrics::Metrics;

/// How an embedded store is set up; `Config::default()` is right for a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Times the leases.
    pub clock: Clock,
    /// How much history stays readable.
    pub retention: Retention,
    /// Keys and values together may not grow beyond so many bytes; all of them are held in memory.
    pub max_bytes: u64,
    /// So many of the newest revisions are held in memory for watches; slower ones read the file.
    pub recent: usize,
    /// A watch that saw no match for so long gets a progress mark if the revision moved.
    pub progress_interval: Duration,
    /// Where the store counts.
    pub metrics: Metrics,
}

/// History beyond either bound is compacted away by the store itself, so the disk stays bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At least so many of the newest revisions are kept, and at most a tenth more.
    pub revisions: u64,
    /// Bytes of history on disk, at most; wins over `revisions`.
    pub bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            retention: Retention::default(),
            max_bytes: 2 << 30,
            recent: 16_384,
            progress_interval: Duration::from_secs(5),
            metrics: Metrics::default(),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            revisions: 100_000,
            bytes: 256 << 20,
        }
    }
}

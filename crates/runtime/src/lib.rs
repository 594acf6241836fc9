//! The life of a process: named tasks, one drain with one deadline, signals, health, logs and the metric registry.
//!
//! Knows nothing of HTTP, of the domain or of which part it serves; whoever serves HTTP renders what stands here.

pub mod health;
pub mod log;
pub mod metrics;
pub mod signal;
mod tasks;

pub use health::Health;
pub use metrics::Registry;
pub use tasks::{DrainReport, Tasks};

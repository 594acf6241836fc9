//! The atomics of the cores: the standard library's, or loom's when every interleaving is tried.

#[cfg(not(feature = "loom"))]
pub(crate) use std::sync::atomic;

#[cfg(feature = "loom")]
pub(crate) use loom::sync::atomic;

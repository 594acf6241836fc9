//! Counters that threads write without meeting on one cache line.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More stripes than this cost more to sum than they save.
const MOST_STRIPES: usize = 16;

/// How many stripes this machine has use for: a power of two.
pub(crate) fn count() -> usize {
    if cfg!(feature = "loom") {
        return 2;
    }
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .next_power_of_two()
        .min(MOST_STRIPES)
}

/// The stripe of the calling thread among `count` (a power of two): threads take turns in the order of their first use.
pub(crate) fn mine(count: usize) -> usize {
    // Not a value that any interleaving can spoil, so it stays outside of loom's model.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let index = INDEX.with(|index| {
        if index.get() == usize::MAX {
            index.set(NEXT.fetch_add(1, Ordering::Relaxed) & (usize::MAX >> 1));
        }
        index.get()
    });
    index & (count - 1)
}

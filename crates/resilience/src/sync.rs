//! What threads share: the standard library's atomics and a lock, or loom's when every interleaving is tried.

#[cfg(not(feature = "loom"))]
pub(crate) use arc_swap::ArcSwap;
#[cfg(not(feature = "loom"))]
pub(crate) use parking_lot::Mutex;
#[cfg(not(feature = "loom"))]
pub(crate) use std::{hint, sync::atomic};

#[cfg(feature = "loom")]
pub(crate) use loom::{hint, sync::atomic};
#[cfg(feature = "loom")]
pub(crate) use modelled::{ArcSwap, Mutex};

#[cfg(feature = "loom")]
mod modelled {
    use std::sync::Arc;

    use loom::sync::atomic::{AtomicU32, Ordering};
    use loom::sync::{Mutex as Inner, MutexGuard};

    /// loom's lock with the signatures of `parking_lot`.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(Inner<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Inner::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no model panics under the lock")
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// As it is, since its inner workings are not what is tried. What it orders is shown to loom by a counter, which whoever
    /// loads exchanges too, so that he sees the last store; and no value is dropped while others may read it.
    #[derive(Debug)]
    pub(crate) struct ArcSwap<T>(arc_swap::ArcSwap<T>, AtomicU32);

    impl<T> ArcSwap<T> {
        pub(crate) fn from_pointee(value: T) -> Self {
            Self(arc_swap::ArcSwap::from_pointee(value), AtomicU32::new(0))
        }

        pub(crate) fn load(&self) -> arc_swap::Guard<Arc<T>> {
            self.1.fetch_add(1, Ordering::AcqRel);
            self.0.load()
        }

        pub(crate) fn store(&self, value: Arc<T>) {
            self.1.fetch_add(1, Ordering::AcqRel);
            std::mem::forget(self.0.swap(value));
        }
    }
}

//! What threads share: the standard library's atomics and a lock, or loom's when every interleaving is tried.

#[cfg(not(feature = "loom"))]
pub(crate) use parking_lot::Mutex;
#[cfg(not(feature = "loom"))]
pub(crate) use std::sync::atomic;

#[cfg(feature = "loom")]
pub(crate) use loom::sync::atomic;
#[cfg(feature = "loom")]
pub(crate) use modelled::Mutex;

#[cfg(feature = "loom")]
mod modelled {
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
}

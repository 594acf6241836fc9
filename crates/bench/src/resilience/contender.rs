//! What is compared.

use std::fmt;

/// Contenders that do the same, Nines first.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) contenders: Vec<Contender>,
}

/// One of them.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Makes so many calls on an object that all threads share.
    pub(crate) run: Box<dyn Fn(u64) + Send + Sync>,
    /// Bytes that it holds, where that is what is compared.
    pub(crate) bytes: Option<u64>,
}

impl Contender {
    pub(crate) fn new(name: &'static str, run: impl Fn(u64) + Send + Sync + 'static) -> Self {
        let (run, bytes) = (Box::new(run), None);
        Self { name, run, bytes }
    }

    pub(crate) fn holding(self, bytes: u64) -> Self {
        let bytes = Some(bytes);
        Self { bytes, ..self }
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

//! A bounded pool of workers.

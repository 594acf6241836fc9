//! Client-side adaptive throttling.

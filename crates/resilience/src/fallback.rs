//! What to answer when the callee cannot.

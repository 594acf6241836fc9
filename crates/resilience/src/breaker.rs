//! Stops asking a callee that fails, and finds out when it is well again.

//! A second try beside a slow first one.

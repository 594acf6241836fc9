//! How many requests in a time.

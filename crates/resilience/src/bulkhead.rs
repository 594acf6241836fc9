//! How many calls may be in flight, and who waits.

//! What an object holds.

/// Makes an object and tells how many bytes it holds.
pub(crate) fn held<T>(make: impl FnOnce() -> T) -> (T, u64) {
    let mut made = None;
    let info = allocation_counter::measure(|| made = Some(make()));
    let bytes = u64::try_from(info.bytes_current).unwrap_or(0);
    (made.expect("it was made"), bytes)
}

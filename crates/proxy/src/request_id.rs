//! Request ids: unique in practice, cheap to make, short to read.

use std::cell::Cell;

use nines_base::Rng;

/// Characters of an id.
pub(crate) const LEN: usize = 32;

/// An id as hexadecimal text.
pub(crate) type RequestId = [u8; LEN];

/// Makes a worker's ids: 64 random bits drawn at its start, then a counter whose start is random too.
#[derive(Debug)]
pub(crate) struct Generator {
    prefix: [u8; 16],
    next: Cell<u64>,
}

impl Generator {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            prefix: hex(rng.next_u64()),
            next: Cell::new(rng.next_u64()),
        }
    }

    /// The next id.
    pub(crate) fn next(&self) -> RequestId {
        let count = self.next.get();
        self.next.set(count.wrapping_add(1));
        let mut id = [0; LEN];
        id[..16].copy_from_slice(&self.prefix);
        id[16..].copy_from_slice(&hex(count));
        id
    }
}

/// Whether a client's id may be kept: 1 to 128 of letters, digits, `-`, `_`, `.`, `:`, `=`, `+` and `/`.
pub(crate) fn is_well_formed(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:=+/".contains(b))
}

fn hex(value: u64) -> [u8; 16] {
    std::array::from_fn(|i| {
        let nibble = (value >> (60 - 4 * i)) & 0xf;
        b"0123456789abcdef"[nibble as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_read_as_hex() {
        let ids = Generator::new(&mut Rng::seeded(1));
        let (a, b) = (ids.next(), ids.next());
        assert_ne!(a, b);
        assert_eq!(a[..16], b[..16]);
        assert!(a.iter().all(u8::is_ascii_hexdigit));
        assert_eq!(&hex(0x0123_4567_89ab_cdef), b"0123456789abcdef");
    }

    #[test]
    fn only_harmless_ids_are_kept() {
        assert!(is_well_formed(b"req-1:2/3"));
        for bad in [&b""[..], b"a b", b"a\"b", b"a;b", &[b'a'; 129]] {
            assert!(!is_well_formed(bad));
        }
    }
}

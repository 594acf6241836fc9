//! How one change stands in the log: checksum, kind, numbers (little endian), key, value.
//!
//! The checksum is FNV-1a over the rest, folded to 32 bits: the engine checks its pages only after a crash, and a
//! value that rotted on disk must not become the truth. After it a put is `1, create_revision u64, version u64, lease i64, key length u32, key, value`; a deletion is `2, key`.
//! The revision is the row's key.

use bytes::{Buf, BufMut, Bytes};

use crate::types::{Event, KeyValue, LeaseId, Revision};

const PUT: u8 = 1;
const DELETE: u8 = 2;
const SUM: usize = 4;
const PUT_HEAD: usize = 8 + 8 + 8 + 4;

/// Writes `event` to `out`, which is cleared first.
pub(super) fn encode(event: &Event, out: &mut Vec<u8>) {
    out.clear();
    out.put_u32_le(0);
    match event {
        Event::Put(kv) => {
            out.put_u8(PUT);
            out.put_u64_le(kv.create_revision);
            out.put_u64_le(kv.version);
            out.put_i64_le(kv.lease.0);
            out.put_u32_le(u32::try_from(kv.key.len()).expect("keys are at most 4 KiB"));
            out.put_slice(&kv.key);
            out.put_slice(&kv.value);
        }
        Event::Delete { key, .. } => {
            out.put_u8(DELETE);
            out.put_slice(key);
        }
    }
    let sum = checksum(&out[SUM..]);
    out[..SUM].copy_from_slice(&sum.to_le_bytes());
}

/// Reads a row; `None` when it is no record.
pub(super) fn decode(revision: Revision, row: &[u8]) -> Option<Event> {
    let (sum, body) = row.split_first_chunk::<SUM>()?;
    if u32::from_le_bytes(*sum) != checksum(body) {
        return None;
    }
    let (kind, rest) = body.split_first()?;
    match *kind {
        PUT => decode_put(revision, rest).map(Event::Put),
        DELETE if !rest.is_empty() => Some(Event::Delete {
            key: Bytes::copy_from_slice(rest),
            mod_revision: revision,
        }),
        _ => None,
    }
}

fn decode_put(revision: Revision, row: &[u8]) -> Option<KeyValue> {
    let (mut head, body) = row.split_at_checked(PUT_HEAD)?;
    let (create_revision, version) = (head.get_u64_le(), head.get_u64_le());
    let lease = LeaseId(head.get_i64_le());
    let key_len = head.get_u32_le() as usize;
    if key_len == 0 || key_len > body.len() {
        return None;
    }
    let mut key = Bytes::copy_from_slice(body);
    let value = key.split_off(key_len);
    Some(KeyValue {
        key,
        value,
        create_revision,
        mod_revision: revision,
        version,
        lease,
    })
}

fn checksum(bytes: &[u8]) -> u32 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_put_reads_back(key in prop::collection::vec(any::<u8>(), 1..40), value: Vec<u8>, n: u64, lease: i64) {
            let kv = KeyValue {
                key: key.into(),
                value: value.into(),
                create_revision: n,
                mod_revision: 7,
                version: n / 2,
                lease: LeaseId(lease),
            };
            let mut row = vec![9];
            encode(&Event::Put(kv.clone()), &mut row);
            prop_assert_eq!(decode(7, &row), Some(Event::Put(kv)));
        }

        #[test]
        fn a_damaged_row_is_no_panic(row: Vec<u8>) {
            drop(decode(1, &row));
        }
    }

    #[test]
    fn a_deletion_reads_back() {
        let event = Event::Delete {
            key: Bytes::from_static(b"k"),
            mod_revision: 3,
        };
        let mut row = Vec::new();
        encode(&event, &mut row);
        assert_eq!(decode(3, &row), Some(event));
        assert_eq!(decode(3, &row[..row.len() - 1]), None, "cut");
        row[5] ^= 1;
        assert_eq!(decode(3, &row), None, "flipped");
    }
}

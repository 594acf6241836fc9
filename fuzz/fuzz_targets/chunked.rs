//! Chunked bodies: never a panic, the same data and the same end however the bytes arrive, and what our own chunk
//! headers frame is read back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nines_fuzz::{cut, sound};
use nines_proxy::h1::chunked::{CHUNK_END, Decoder, END, Side, Step, header};
use nines_proxy::h1::{Limits, Reject};

fuzz_target!(|data: &[u8]| {
    let Some((step, bytes)) = cut(data) else { return };
    let whole = decode(bytes, bytes.len().max(1));
    let pieces = decode(bytes, step);
    assert_eq!(whole, pieces);
    round_trip(bytes, step);
});

#[derive(Debug, PartialEq)]
struct Decoded {
    data: Vec<u8>,
    /// Where the body ended, if it did.
    end: Option<usize>,
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
    reject: Option<Reject>,
}

fn decode(bytes: &[u8], step: usize) -> Decoded {
    let limits = Limits { max_trailers: 512, ..Limits::default() };
    let mut decoder = Decoder::new(Side::Client);
    let mut out = Decoded { data: Vec::new(), end: None, trailers: Vec::new(), reject: None };
    let (mut at, mut seen) = (0, 0);
    loop {
        let input = &bytes[at..seen];
        match decoder.step(input, &limits) {
            Err(reject) => out.reject = Some(reject),
            Ok(Step::Data { skip, len }) => {
                assert!(len > 0 && skip + len <= input.len());
                out.data.extend_from_slice(&input[skip..skip + len]);
                at += skip + len;
                continue;
            }
            Ok(Step::End { consumed }) => {
                assert!(consumed <= input.len() && input[..consumed].ends_with(b"\n"));
                sound(decoder.trailers(), input, consumed);
                let pair = |f: &nines_proxy::h1::Field| (f.name.of(input).to_vec(), f.value.of(input).to_vec());
                out.trailers = decoder.trailers().iter().map(pair).collect();
                out.end = Some(at + consumed);
            }
            Ok(Step::More { consumed }) => {
                assert!(consumed <= input.len() && input.len() - consumed <= limits.max_trailers);
                at += consumed;
                if seen < bytes.len() {
                    seen = (seen + step).min(bytes.len());
                    continue;
                }
            }
        }
        return out;
    }
}

fn round_trip(data: &[u8], step: usize) {
    let mut framed = Vec::new();
    for piece in data.chunks(step) {
        framed.extend_from_slice(header(piece.len() as u64).as_bytes());
        framed.extend_from_slice(piece);
        framed.extend_from_slice(CHUNK_END);
    }
    framed.extend_from_slice(END);
    let decoded = decode(&framed, step);
    assert_eq!((decoded.data.as_slice(), decoded.end, decoded.reject), (data, Some(framed.len()), None));
}

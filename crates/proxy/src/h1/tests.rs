//! The codec as a whole: tables of hostile and of sound messages, and what holds for any bytes.

mod body;
mod heads;
mod hostile;
mod properties;

use super::chunked::{Decoder, Side, Step};
use super::{Asked, Limits, Method, Progress, Reject, RequestHead, ResponseHead, parse_request, parse_response};

/// Parses a head that arrives in pieces of `step` bytes.
fn request_in_steps(bytes: &[u8], step: usize) -> (Result<Progress, Reject>, RequestHead) {
    let (limits, mut head) = (Limits::default(), RequestHead::default());
    let result = in_steps(bytes.len(), step, |end| {
        parse_request(&bytes[..end], &limits, &mut head)
    });
    (result, head)
}

fn response_in_steps(bytes: &[u8], asked: Asked, step: usize) -> (Result<Progress, Reject>, ResponseHead) {
    let (limits, mut head) = (Limits::default(), ResponseHead::default());
    let result = in_steps(bytes.len(), step, |end| {
        parse_response(&bytes[..end], asked, &limits, &mut head)
    });
    (result, head)
}

fn in_steps(
    len: usize,
    step: usize,
    mut parse: impl FnMut(usize) -> Result<Progress, Reject>,
) -> Result<Progress, Reject> {
    let mut end = 0;
    loop {
        end = (end + step).min(len);
        let result = parse(end);
        if result != Ok(Progress::Partial) || end == len {
            return result;
        }
    }
}

fn get() -> Asked {
    Asked {
        method: Method::Get,
        upgrade: false,
    }
}

/// What a decoder makes of a body that arrives in pieces.
#[derive(Debug, Default, PartialEq, Eq)]
struct Decoded {
    data: Vec<u8>,
    end: Option<usize>,
    trailers: Vec<(String, String)>,
    reject: Option<Reject>,
}

fn decode(bytes: &[u8], side: Side, step: usize) -> Decoded {
    let (limits, mut decoder, mut out) = (Limits::default(), Decoder::new(side), Decoded::default());
    let (mut at, mut seen) = (0, 0);
    loop {
        let input = &bytes[at..seen];
        match decoder.step(input, &limits) {
            Ok(Step::Data { skip, len }) => {
                out.data.extend_from_slice(&input[skip..skip + len]);
                at += skip + len;
                continue;
            }
            Ok(Step::More { consumed }) => {
                at += consumed;
                if seen < bytes.len() {
                    seen = (seen + step).min(bytes.len());
                    continue;
                }
            }
            Ok(Step::End { consumed }) => {
                let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
                let pair = |f: &super::Field| (text(f.name.of(input)), text(f.value.of(input)));
                out.trailers = decoder.trailers().iter().map(pair).collect();
                out.end = Some(at + consumed);
            }
            Err(reject) => out.reject = Some(reject),
        }
        return out;
    }
}

use std::rc::Rc;

use super::*;

/// Offers `pieces` one after the other and gives what goes out, and whether the body was over.
fn check(framing: Framing, encoding: Encoding, pieces: &[&[u8]]) -> Result<(String, bool), Reject> {
    let mut pump = Pump::new(Vec::new());
    pump.begin(framing, encoding);
    let mut input = Buffer::new(&Rc::default());
    let mut out = Vec::new();
    for piece in pieces {
        input.put(piece);
        while pump.encode(&mut input, &Limits::default())? {
            out.append(&mut pump.out);
            out.extend_from_slice(&input.filled()[..pump.run]);
            input.consume(std::mem::take(&mut pump.run));
        }
    }
    Ok((String::from_utf8_lossy(&out).into_owned(), pump.has_ended()))
}

#[test]
fn bodies_leave_in_the_other_sides_framing() {
    let chunked = || Framing::chunked(Side::Upstream);
    type Case<'a> = (Framing, Encoding, &'a [&'a [u8]], &'a str, bool);
    let cases: [Case<'_>; 9] = [
        (Framing::Length(5), Encoding::Raw, &[b"hello"], "hello", true),
        (Framing::Length(5), Encoding::Raw, &[b"hel", b"lo"], "hello", true),
        (Framing::Length(5), Encoding::Raw, &[b"hel"], "hel", false),
        (Framing::Length(5), Encoding::Raw, &[b"hello, next"], "hello", true),
        (Framing::UntilClose, Encoding::Raw, &[b"a", b"b"], "ab", false),
        (
            Framing::UntilClose,
            Encoding::Chunked,
            &[b"a", b"bc"],
            "1\r\na\r\n2\r\nbc\r\n",
            false,
        ),
        (chunked(), Encoding::Raw, &[b"2\r\nab\r\n0\r\nx: y\r\n\r\n"], "ab", true),
        (
            chunked(),
            Encoding::Chunked,
            &[b"02;e\r\nab\r\n0\r\n\r\n"],
            "2\r\nab\r\n0\r\n\r\n",
            true,
        ),
        (
            chunked(),
            Encoding::Chunked,
            &[b"2\r\na", b"b\r\n0\r\nx-a: 1", b"\r\nx-b:2\r\n\r\n"],
            "1\r\na\r\n1\r\nb\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\n",
            true,
        ),
    ];
    for (framing, encoding, pieces, expected, over) in cases {
        let name = format!("{framing:?} to {encoding:?} of {pieces:?}");
        assert_eq!(check(framing, encoding, pieces), Ok((expected.into(), over)), "{name}");
    }
}

#[test]
fn a_broken_chunk_is_the_senders_fault() {
    let fault = |side| {
        check(Framing::chunked(side), Encoding::Chunked, &[b"xyz\r\n"])
            .expect_err("no size")
            .status
    };
    assert_eq!((fault(Side::Client), fault(Side::Upstream)), (400, 502));
}

#[test]
fn a_long_run_is_not_copied() {
    let mut pump = Pump::new(Vec::new());
    pump.begin(Framing::Length(100_000), Encoding::Raw);
    let mut input = Buffer::new(&Rc::default());
    input.put(&[b'x'; WORTH_A_CALL]);
    assert_eq!(pump.encode(&mut input, &Limits::default()), Ok(true));
    assert_eq!((pump.run, pump.out.len()), (WORTH_A_CALL, 0));
    assert!(!pump.is_flushed());
}

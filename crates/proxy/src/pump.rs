//! One direction of a body: what comes in is checked against its framing and goes out in the framing of the other side.
//!
//! A pump holds no more than its two buffers: it reads only when it has nothing left to write, so a slow receiver slows
//! the sender down.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use crate::h1::chunked::{self, Decoder, Side, Step};
use crate::h1::{Limits, Reject};
use crate::worker::{Buffer, LARGE};

/// A run of data this long is written from where it was read; a shorter one is copied behind what waits to be written,
/// so that it leaves in the same system call.
const WORTH_A_CALL: usize = 4096;
/// Encoded bytes are written when there are this many of them, even if more could follow at once.
const ENOUGH: usize = 16 * 1024;

/// How the incoming body ends.
#[derive(Debug)]
pub(crate) enum Framing {
    /// It has ended.
    Done,
    Length(u64),
    Chunked(Box<Decoder>),
    UntilClose,
}

/// How the outgoing body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Raw,
    Chunked,
}

/// A body on its way.
#[derive(Debug)]
pub(crate) struct Pump {
    framing: Framing,
    encoding: Encoding,
    /// Encoded bytes, written up to `written`.
    out: Vec<u8>,
    written: usize,
    /// Bytes at the front of the input that go out as they are.
    run: usize,
    /// Data bytes so far.
    pub(crate) moved: u64,
    /// There was progress since [`Pump::take_progress`].
    progress: bool,
}

/// Why a body did not arrive.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The sender's connection failed.
    Read(io::Error),
    /// The sender ended its side before the body's end.
    Ended,
    /// The sender broke the rules.
    Framing(Reject),
    /// The receiver's connection failed.
    Write(io::Error),
}

impl Framing {
    pub(crate) fn chunked(side: Side) -> Self {
        Framing::Chunked(Box::new(Decoder::new(side)))
    }
}

impl Pump {
    /// A pump with nothing to do; `out` is memory to use.
    pub(crate) fn new(mut out: Vec<u8>) -> Self {
        out.clear();
        Self {
            framing: Framing::Done,
            encoding: Encoding::Raw,
            out,
            written: 0,
            run: 0,
            moved: 0,
            progress: false,
        }
    }

    /// What is written before the body: heads.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Sets the body that follows.
    pub(crate) fn begin(&mut self, framing: Framing, encoding: Encoding) {
        self.framing = framing;
        self.encoding = encoding;
    }

    /// Gives up: nothing more is read or written.
    pub(crate) fn abandon(&mut self) {
        self.framing = Framing::Done;
        self.out.clear();
        self.written = 0;
        self.run = 0;
    }

    /// Whether everything is read and written.
    pub(crate) fn is_done(&self) -> bool {
        self.has_ended() && self.is_flushed()
    }

    /// Whether everything is read.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.framing, Framing::Done)
    }

    /// Whether nothing waits for the receiver.
    pub(crate) fn is_flushed(&self) -> bool {
        self.written == self.out.len() && self.run == 0
    }

    /// Whether there was progress since the last time.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Something happened by which the body will move on.
    pub(crate) fn note_progress(&mut self) {
        self.progress = true;
    }

    /// The memory, for the next request.
    pub(crate) fn into_memory(self) -> Vec<u8> {
        self.out
    }

    /// Moves what can be moved now. Ready once the body is over and written.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Buffer,
        from: &mut TcpStream,
        to: &mut TcpStream,
        limits: &Limits,
    ) -> Poll<Result<(), Broken>> {
        loop {
            let encoded = self.encode(input, limits).map_err(Broken::Framing)?;
            ready!(self.poll_flush(cx, input, to)).map_err(Broken::Write)?;
            if self.has_ended() {
                return Poll::Ready(Ok(()));
            }
            if !encoded {
                ready!(self.poll_more(cx, input, from))?;
            }
        }
    }

    /// Reads more input; its end is the body's end if that is how the body ends.
    fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Buffer,
        from: &mut TcpStream,
    ) -> Poll<Result<(), Broken>> {
        let count = ready!(input.poll_read(cx, from, LARGE)).map_err(Broken::Read)?;
        self.progress = true;
        if count > 0 {
            return Poll::Ready(Ok(()));
        }
        if !matches!(self.framing, Framing::UntilClose) {
            return Poll::Ready(Err(Broken::Ended));
        }
        self.end();
        Poll::Ready(Ok(()))
    }

    /// Writes what is encoded, then the run.
    pub(crate) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Buffer,
        to: &mut TcpStream,
    ) -> Poll<io::Result<()>> {
        while self.written < self.out.len() {
            self.written += ready!(poll_write(cx, to, &self.out[self.written..]))?;
            self.progress = true;
        }
        self.out.clear();
        self.written = 0;
        while self.run > 0 {
            let count = ready!(poll_write(cx, to, &input.filled()[..self.run]))?;
            input.consume(count);
            self.run -= count;
            self.progress = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Prepares what the input holds for writing. Tells whether there was anything.
    pub(crate) fn encode(&mut self, input: &mut Buffer, limits: &Limits) -> Result<bool, Reject> {
        let mut any = false;
        while self.run == 0 && self.out.len() < ENOUGH && self.encode_one(input, limits)? {
            any = true;
        }
        Ok(any || self.run > 0)
    }

    fn encode_one(&mut self, input: &mut Buffer, limits: &Limits) -> Result<bool, Reject> {
        let available = input.len();
        match &mut self.framing {
            Framing::Done => Ok(false),
            Framing::Length(left) => {
                let len = available.min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= len as u64;
                let last = *left == 0;
                self.data(input, len);
                if last {
                    self.end();
                }
                Ok(len > 0)
            }
            Framing::UntilClose => {
                self.data(input, available);
                Ok(available > 0)
            }
            Framing::Chunked(decoder) => match decoder.step(input.filled(), limits)? {
                Step::More { consumed } => {
                    input.consume(consumed);
                    Ok(false)
                }
                Step::Data { skip, len } => {
                    input.consume(skip);
                    self.data(input, len);
                    Ok(true)
                }
                Step::End { consumed } => {
                    self.end_chunked(input.filled());
                    input.consume(consumed);
                    Ok(true)
                }
            },
        }
    }

    fn data(&mut self, input: &mut Buffer, len: usize) {
        if len == 0 {
            return;
        }
        self.moved += len as u64;
        if self.encoding == Encoding::Raw && len >= WORTH_A_CALL {
            self.run = len;
            return;
        }
        if self.encoding == Encoding::Chunked {
            self.out.extend_from_slice(chunked::header(len as u64).as_bytes());
        }
        self.out.extend_from_slice(&input.filled()[..len]);
        if self.encoding == Encoding::Chunked {
            self.out.extend_from_slice(chunked::CHUNK_END);
        }
        input.consume(len);
    }

    /// The end of a body without trailers.
    fn end(&mut self) {
        self.framing = Framing::Done;
        if self.encoding == Encoding::Chunked {
            self.out.extend_from_slice(chunked::END);
        }
    }

    /// The end of a chunked body; its trailers go on if the receiver's framing has a place for them.
    fn end_chunked(&mut self, input: &[u8]) {
        let Framing::Chunked(decoder) = std::mem::replace(&mut self.framing, Framing::Done) else {
            return;
        };
        if self.encoding == Encoding::Raw {
            return;
        }
        self.out.extend_from_slice(chunked::LAST_CHUNK);
        for field in decoder.trailers() {
            crate::h1::write::field(&mut self.out, field.name.of(input), field.value.of(input));
        }
        self.out.extend_from_slice(chunked::CHUNK_END);
    }
}

fn poll_write(cx: &mut Context<'_>, to: &mut TcpStream, bytes: &[u8]) -> Poll<io::Result<usize>> {
    let count = ready!(Pin::new(to).poll_write(cx, bytes))?;
    if count == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    Poll::Ready(Ok(count))
}

#[cfg(test)]
mod tests;

//! Byte buffers and the free list that keeps them: only a connection with bytes in hand owns one.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

/// What a head and a small body fit into.
pub(crate) const SMALL: usize = 8 * 1024;
/// What a body streams through once it turns out to be long, and the largest head fits into.
pub(crate) const LARGE: usize = 64 * 1024;
/// So many of each size are kept for the next request; more are given back to the allocator.
const KEPT: usize = 64;

/// The free lists of one worker, last in, first out: the next request gets the memory that is still in the cache.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    small: RefCell<Vec<Box<[u8]>>>,
    large: RefCell<Vec<Box<[u8]>>>,
}

/// Bytes read and not yet used. Holds memory only while it holds bytes or is about to.
#[derive(Debug)]
pub(crate) struct Buffer {
    home: Rc<Buffers>,
    memory: Box<[u8]>,
    start: usize,
    end: usize,
    /// The last read filled all the room there was: there is more to come.
    is_hungry: bool,
}

impl Buffers {
    fn take(&self, size: usize) -> Box<[u8]> {
        let kept = self.list(size).and_then(|list| list.borrow_mut().pop());
        kept.unwrap_or_else(|| vec![0; size].into_boxed_slice())
    }

    fn give(&self, memory: Box<[u8]>) {
        if let Some(list) = self.list(memory.len()) {
            let mut list = list.borrow_mut();
            if list.len() < KEPT {
                list.push(memory);
            }
        }
    }

    fn list(&self, size: usize) -> Option<&RefCell<Vec<Box<[u8]>>>> {
        match size {
            SMALL => Some(&self.small),
            LARGE => Some(&self.large),
            _ => None,
        }
    }
}

impl Buffer {
    /// An empty buffer that owns no memory yet.
    pub(crate) fn new(home: &Rc<Buffers>) -> Self {
        Self {
            home: home.clone(),
            memory: Box::default(),
            start: 0,
            end: 0,
            is_hungry: false,
        }
    }

    /// The bytes.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether a read would find room without more memory than there is.
    pub(crate) fn has_room(&self) -> bool {
        self.memory.is_empty() || self.len() < self.memory.len()
    }

    /// Drops the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.start += count;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Gives the memory back if no bytes are left.
    pub(crate) fn release_if_empty(&mut self) {
        if self.is_empty() && !self.memory.is_empty() {
            self.home.give(std::mem::take(&mut self.memory));
            self.is_hungry = false;
        }
    }

    /// Makes room for `more` bytes, in the same memory if they fit.
    pub(crate) fn reserve(&mut self, more: usize) {
        let needed = self.len() + more;
        if self.memory.len() - self.end >= more {
            return;
        }
        if needed <= self.memory.len() {
            self.memory.copy_within(self.start..self.end, 0);
        } else {
            let size = [SMALL, LARGE].into_iter().find(|size| needed <= *size);
            let size = size.unwrap_or_else(|| needed.next_power_of_two());
            let mut larger = self.home.take(size);
            larger[..self.end - self.start].copy_from_slice(&self.memory[self.start..self.end]);
            self.home.give(std::mem::replace(&mut self.memory, larger));
        }
        self.end -= self.start;
        self.start = 0;
    }

    /// Appends bytes.
    #[cfg(test)]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.memory[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Reads what is there, up to the room that is there (at least something: a full buffer grows up to `max`).
    /// Zero bytes mean that the peer has ended its side. Without bytes to read no memory is taken.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut TcpStream,
        max: usize,
    ) -> Poll<io::Result<usize>> {
        if self.memory.is_empty() {
            ready!(stream.poll_read_ready(cx))?;
        }
        self.make_room(max);
        let mut target = ReadBuf::new(&mut self.memory[self.end..]);
        let before = target.remaining();
        let result = ready!(Pin::new(stream).poll_read(cx, &mut target));
        let count = before - target.remaining();
        self.end += count;
        self.is_hungry = count == before;
        Poll::Ready(result.map(|()| count))
    }

    fn make_room(&mut self, max: usize) {
        if self.memory.is_empty() {
            self.memory = self.home.take(SMALL);
        } else if self.end == self.memory.len() {
            let more = if self.start > 0 { self.start } else { self.memory.len() };
            self.reserve(more.min(max.saturating_sub(self.len())).max(1));
        } else if self.is_hungry && self.is_empty() && self.memory.len() < LARGE && max >= LARGE {
            let small = std::mem::take(&mut self.memory);
            self.home.give(small);
            self.memory = self.home.take(LARGE);
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.give(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bytes: &[u8]) -> Buffer {
        let mut buffer = Buffer::new(&Rc::default());
        buffer.put(bytes);
        buffer
    }

    #[test]
    fn bytes_leave_in_the_order_they_came() {
        let mut buffer = filled(b"hello ");
        buffer.put(b"world");
        buffer.consume(6);
        assert_eq!(buffer.filled(), b"world");
        buffer.consume(5);
        assert!(buffer.is_empty());
    }

    #[test]
    fn room_at_the_front_is_used_before_memory_is_taken() {
        let mut buffer = filled(&[1; SMALL]);
        buffer.consume(SMALL - 10);
        buffer.put(&[2; 100]);
        assert_eq!((buffer.memory.len(), buffer.len()), (SMALL, 110));
    }

    #[test]
    fn grows_in_two_steps() {
        let mut buffer = filled(&[1; SMALL]);
        buffer.put(&[2]);
        assert_eq!(buffer.memory.len(), LARGE);
        assert_eq!((buffer.filled()[SMALL - 1], buffer.filled()[SMALL]), (1, 2));
    }

    #[test]
    fn memory_goes_back_and_is_given_out_again() {
        let mut buffer = filled(b"x");
        let home = buffer.home.clone();
        buffer.consume(1);
        buffer.release_if_empty();
        assert_eq!(home.small.borrow().len(), 1);
        buffer.put(b"y");
        assert_eq!(home.small.borrow().len(), 0);
        drop(buffer);
        assert_eq!(home.small.borrow().len(), 1);
    }
}

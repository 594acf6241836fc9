//! An inner service under a test's control that keeps the books on its caller.
//!
//! A [`Probe`] has a number of slots. Readiness reserves one for the clone that was asked, the call takes it along, and
//! it is free again when the call's future is gone, or when a ready clone is dropped without a call. So what a layer leaks
//! shows as a slot that stays taken, and what it calls without readiness as a violation.

mod contract;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

pub(crate) use contract::check_contract;

/// What a request makes the probe do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    /// Answers at once.
    Succeed,
    /// Fails at once.
    Fail,
    /// Fails so often over all requests, then answers.
    FailFirst(usize),
    /// Answers when [`Probe::finish`] is called.
    Hold,
    /// Answers as soon as tokio's cooperative budget lets it.
    Cooperate,
    PanicInCall,
    PanicInPoll,
}

/// The probe's answer: which call it was, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer(pub(crate) usize);

/// The probe's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("broken")]
pub(crate) struct Broken;

/// The service. Clones share the books, and none of the readiness.
#[derive(Debug)]
pub(crate) struct Probe {
    books: Arc<Mutex<Books>>,
    slot: Option<Slot>,
    /// Whether readiness costs a piece of tokio's cooperative budget.
    cooperative: bool,
}

#[derive(Debug, Default)]
struct Books {
    slots: usize,
    calls: usize,
    unready_calls: usize,
    finished: bool,
    waiting: Vec<Waker>,
}

/// A slot that is taken.
#[derive(Debug)]
struct Slot(Arc<Mutex<Books>>);

impl Drop for Slot {
    fn drop(&mut self) {
        let waiting = {
            let mut books = self.0.lock();
            books.slots += 1;
            std::mem::take(&mut books.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Probe {
    pub(crate) fn with_slots(slots: usize) -> Self {
        let books = Books {
            slots,
            ..Books::default()
        };
        Self {
            books: Arc::new(Mutex::new(books)),
            slot: None,
            cooperative: false,
        }
    }

    pub(crate) fn cooperative(self) -> Self {
        Self {
            books: self.books.clone(),
            slot: None,
            cooperative: true,
        }
    }

    /// Slots that are neither reserved nor in use.
    pub(crate) fn free(&self) -> usize {
        self.books.lock().slots
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> usize {
        self.books.lock().calls
    }

    /// Calls to a clone that was not driven ready.
    pub(crate) fn unready_calls(&self) -> usize {
        self.books.lock().unready_calls
    }

    /// Lets held calls answer, those to come too.
    pub(crate) fn finish(&self) {
        let waiting = {
            let mut books = self.books.lock();
            books.finished = true;
            std::mem::take(&mut books.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        Self {
            books: self.books.clone(),
            slot: None,
            cooperative: self.cooperative,
        }
    }
}

impl tower_service::Service<Act> for Probe {
    type Response = Answer;
    type Error = Broken;
    type Future = Call;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if self.slot.is_some() {
            return Poll::Ready(Ok(()));
        }
        if self.cooperative && spend_budget(cx).is_pending() {
            return Poll::Pending;
        }
        let mut books = self.books.lock();
        if books.slots == 0 {
            books.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        books.slots -= 1;
        self.slot = Some(Slot(self.books.clone()));
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, act: Act) -> Call {
        let slot = self.slot.take();
        let number = {
            let mut books = self.books.lock();
            books.calls += 1;
            books.unready_calls += usize::from(slot.is_none());
            books.calls
        };
        assert!(act != Act::PanicInCall, "panic in call");
        let books = self.books.clone();
        Call {
            act,
            number,
            books,
            slot,
        }
    }
}

/// The probe's future.
#[derive(Debug)]
pub(crate) struct Call {
    act: Act,
    number: usize,
    books: Arc<Mutex<Books>>,
    slot: Option<Slot>,
}

impl Future for Call {
    type Output = Result<Answer, Broken>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match self.act {
            Act::Succeed => Ok(Answer(self.number)),
            Act::Fail => Err(Broken),
            Act::FailFirst(failures) if self.number <= failures => Err(Broken),
            Act::FailFirst(_) => Ok(Answer(self.number)),
            Act::Cooperate if spend_budget(cx).is_pending() => return Poll::Pending,
            Act::Cooperate => Ok(Answer(self.number)),
            Act::Hold => {
                let mut books = self.books.lock();
                if !books.finished {
                    books.waiting.push(cx.waker().clone());
                    return Poll::Pending;
                }
                Ok(Answer(self.number))
            }
            Act::PanicInCall | Act::PanicInPoll => panic!("panic in poll"),
        };
        self.slot = None;
        Poll::Ready(answer)
    }
}

/// Spends one piece of tokio's cooperative budget; pending if it is used up.
fn spend_budget(cx: &mut Context<'_>) -> Poll<()> {
    pin!(tokio::task::consume_budget()).poll(cx)
}

/// Uses up the cooperative budget of this poll.
pub(crate) fn exhaust_budget(cx: &mut Context<'_>) {
    while spend_budget(cx).is_ready() {}
}

/// A task's waker that counts.
#[derive(Debug, Default)]
pub(crate) struct Woken(AtomicUsize);

impl Woken {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let woken = Arc::new(Self::default());
        (woken.clone(), woken.into())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

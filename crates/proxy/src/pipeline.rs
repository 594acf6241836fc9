//! The way of a request, on one page.

use nines_model::Cause;

use crate::connection::Client;
use crate::exchange::{Exchange, Scratch};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::{admission, attempt, filters, head, relay};

/// What becomes of the connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It waits for the next request.
    Wait,
    /// Our side is ended; the client's is read for a moment, so that it gets our last words.
    Linger,
    /// It is closed at once.
    Gone,
}

/// Serves the request that has begun to arrive, and those that stand behind it in the buffer, one after the other.
pub(crate) async fn requests(client: &mut Client) -> After {
    let worker = client.worker().clone();
    let mut scratch = worker.take_scratch();
    let after = loop {
        let after = request(client, &mut scratch).await;
        if after != After::Wait || client.buffer.is_empty() {
            break after;
        }
    };
    worker.give_scratch(scratch);
    after
}

async fn request(client: &mut Client, scratch: &mut Scratch) -> After {
    let record = Record::new(client.worker(), client.worker().clock.now());
    let mut exchange = Exchange::new(client, scratch, record);
    match steps(&mut exchange).await {
        Ok(()) => exchange.finish(),
        Err(stop) => exchange.stop(stop).await,
    }
}

/// Why the steps end early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The client is told.
    Refused(Refusal),
    /// Part of the answer is out already, or nobody is there to hear it: the connection is cut.
    Cut(Refusal),
    /// The client left before it asked for anything.
    Silent,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

async fn steps(exchange: &mut Exchange<'_>) -> Result<(), Stop> {
    // Accept is behind us: `accept.rs`. Here TLS and HTTP/2 will be told apart by their first bytes; until they are
    // spoken, the head parser refuses both by name.
    //
    // Head: bounded in bytes, fields and time, and strictly framed; what is read in two ways is not passed on.
    head::read(exchange).await?;
    // Route: the rule of this listener, host, path, method, headers and query that is most specific.
    let live = exchange.worker.live();
    let found = head::route(exchange, &live)?;
    // Filters: what answers without a backend does so here; authentication, colour and rate limits go here too. Edits
    // of heads are plans that are applied while the heads are copied.
    let backend = filters::decide(exchange, &found)?;
    // Admission: beyond the limit a quick refusal is better than a slow answer. A backend's bulkhead and its adaptive
    // limit go here.
    admission::admit(&exchange.worker)?;
    // Attempts: pick, (breaker permit,) connect or reuse, send, first byte, classify; again where that is safe.
    let answered = attempt::run(exchange, backend, found.prefix).await?;
    // Response filters and body: as the bytes come, in both directions at once.
    relay::answer(exchange, backend, answered).await
    // Record: `Exchange::finish` and `Exchange::stop`, so that counters and log lines agree however it ended.
}

impl Stop {
    /// The client has gone away.
    pub(crate) fn client_closed(while_: &str) -> Self {
        Stop::Cut(Refusal::new(Cause::ClientClosed, "the client closed the connection").with("while", while_))
    }
}

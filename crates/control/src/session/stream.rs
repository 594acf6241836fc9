//! One session stream from hello to its end.

mod work;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream as Messages, StreamExt};
use nines_model::InstanceKey;
use nines_wire::proto::session_request::Message;
use nines_wire::proto::session_response::Message as Answer;
use nines_wire::{proto, status};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::Status;

use super::open::{Hello, Opened};
use super::{Seat, Sessions};
use crate::error::{Error, Result};
use crate::hub::Drained;
use crate::registry::Holder;

/// Requests taken together: registrations among them are one transaction.
const CHUNK: usize = 256;

type Out = mpsc::Sender<std::result::Result<proto::SessionResponse, Status>>;
type Request = std::result::Result<proto::SessionRequest, Status>;

/// One session stream.
pub(super) struct Stream {
    sessions: Sessions,
    out: Out,
}

/// A session that is open.
struct Live {
    sessions: Sessions,
    out: Out,
    hello: Hello,
    seat: Seat,
    holder: Holder,
    ttl: Duration,
    held: BTreeSet<InstanceKey>,
    drains: FuturesUnordered<BoxFuture<'static, (InstanceKey, Drained)>>,
    draining: BTreeSet<InstanceKey>,
}

impl Stream {
    pub(super) fn new(sessions: Sessions, out: Out) -> Self {
        Self { sessions, out }
    }

    pub(super) async fn run(self, requests: impl Messages<Item = Request> + Send) {
        let stopping = self.sessions.0.tasks.stopping();
        let out = self.out.clone();
        let requests = std::pin::pin!(requests);
        let result = tokio::select! {
            result = self.serve(requests) => result,
            () = out.closed() => Ok(()),
            () = stopping.cancelled() => Err(Error::Unavailable("the server is stopping; connect again".into())),
        };
        if let Err(error) = result {
            // A peer that takes nothing does not keep the stream; it learns of the end by the connection's.
            drop(out.try_send(Err(status::status(error.kind(), error))));
        }
    }

    async fn serve(self, mut requests: impl Messages<Item = Request> + Unpin) -> Result<()> {
        let first = tokio::time::timeout(self.sessions.0.config.first_message, requests.next()).await;
        let first = first.map_err(|_| Error::FailedPrecondition("no hello was sent in time".into()))?;
        let Some(first) = first.map(message).transpose()?.flatten() else {
            return Ok(());
        };
        let Message::Hello(hello) = first else {
            return Err(Error::invalid("message", "the first message must be a hello"));
        };
        let hello = Hello::read(hello)?;
        let opened = self.sessions.open(&hello).await?;
        let seat = self.sessions.sit(&opened.holder.session)?;
        let mut live = Live::new(self, hello, seat, opened);
        live.welcome().await?;
        live.run(requests).await
    }
}

impl Live {
    fn new(stream: Stream, hello: Hello, seat: Seat, opened: Opened) -> Self {
        Self {
            sessions: stream.sessions,
            out: stream.out,
            hello,
            seat,
            holder: opened.holder,
            ttl: opened.ttl,
            held: opened.held,
            drains: FuturesUnordered::new(),
            draining: BTreeSet::new(),
        }
    }

    async fn run(&mut self, requests: impl Messages<Item = Request> + Unpin) -> Result<()> {
        let mut requests = requests.ready_chunks(CHUNK);
        let mut heard = Instant::now();
        loop {
            let replaced = self.seat.replaced.clone();
            tokio::select! {
                chunk = requests.next() => {
                    let Some(chunk) = chunk else { return self.goodbye().await };
                    heard = Instant::now();
                    if !self.work(chunk).await? {
                        return Ok(());
                    }
                }
                Some((key, drained)) = self.drains.next() => self.tell_drained(key, drained).await?,
                () = replaced.cancelled() => return Err(Error::Conflict("the session goes on in another stream".into())),
                () = tokio::time::sleep_until(heard + self.ttl) => return Err(Error::FailedPrecondition(format!(
                    "nothing was heard for {}; connect again", nines_base::duration::format(self.ttl)
                ))),
            }
        }
    }

    /// The client has ended its side. If it has deregistered all, the session ends here; else it runs out.
    async fn goodbye(&mut self) -> Result<()> {
        if self.held.is_empty() {
            self.sessions.close(self.holder.lease).await;
        }
        Ok(())
    }

    async fn welcome(&mut self) -> Result<()> {
        self.send(Answer::Welcome(proto::Welcome {
            session: self.holder.session.clone(),
            ttl_ms: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
        }))
        .await
    }

    /// Waits for room, but not longer than the client's time to live.
    async fn send(&mut self, answer: Answer) -> Result<()> {
        let response = proto::SessionResponse { message: Some(answer) };
        match tokio::time::timeout(self.ttl, self.out.send(Ok(response))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::Unavailable("the client has gone".into())),
            Err(_) => Err(Error::Exhausted("the client does not read its answers".into())),
        }
    }
}

/// `None` when the peer broke off: there is nobody to tell.
fn message(request: Request) -> Result<Option<Message>> {
    match request {
        Ok(proto::SessionRequest { message: Some(message) }) => Ok(Some(message)),
        Ok(proto::SessionRequest { message: None }) => Err(Error::invalid(
            "message",
            "is empty or of a newer protocol than this server speaks",
        )),
        Err(status) => {
            tracing::debug!(%status, "a session stream broke off");
            Ok(None)
        }
    }
}

//! One subscription from its first message to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream as Messages, StreamExt};
use nines_model::Revision;
use nines_wire::convert::Subscribe;
use nines_wire::proto::subscribe_request::Message;
use nines_wire::proto::{self, Batch};
use nines_wire::status;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::Status;

use super::cursor::Cursor;
use super::subscriber::Subscriber;
use super::{Hub, Joined, encode};
use crate::error::{Error, Result};
use crate::mirror::Watcher;

/// How long a resuming subscriber is kept waiting when this server is behind what it has applied elsewhere.
const CATCH_UP: Duration = Duration::from_secs(2);

type Out = mpsc::Sender<std::result::Result<Batch, Status>>;
type Incoming = Option<std::result::Result<proto::SubscribeRequest, Status>>;

/// One subscription.
pub(super) struct Stream {
    hub: Hub,
    out: Out,
    peer: Option<SocketAddr>,
}

/// What goes on once the interest is known.
struct Following {
    joined: Joined,
    watcher: Arc<Watcher>,
    cursor: Cursor,
    /// Something may have to be sent.
    due: bool,
    next_mark: Instant,
}

impl Stream {
    pub(super) fn new(hub: Hub, out: Out, peer: Option<SocketAddr>) -> Self {
        Self { hub, out, peer }
    }

    pub(super) async fn run(
        self,
        messages: impl Messages<Item = std::result::Result<proto::SubscribeRequest, Status>>,
    ) {
        let mut messages = std::pin::pin!(messages);
        let stopping = self.hub.0.tasks.stopping();
        let result = tokio::select! {
            result = self.serve(messages.as_mut()) => result,
            () = self.out.closed() => Ok(()),
            () = stopping.cancelled() => Err(Error::Unavailable("the server is stopping; connect again".into())),
        };
        if let Err(error) = result {
            // A peer that takes nothing does not keep the stream; it learns of the end by the connection's.
            drop(self.out.try_send(Err(status::status(error.kind(), error))));
        }
    }

    async fn serve<M>(&self, mut messages: M) -> Result<()>
    where
        M: Messages<Item = std::result::Result<proto::SubscribeRequest, Status>> + Unpin,
    {
        let first = tokio::time::timeout(self.hub.0.config.first_message, messages.next()).await;
        let first = first.map_err(|_| Error::FailedPrecondition("no interest was sent in time".into()))?;
        let Some(message) = incoming(first)? else { return Ok(()) };
        let Message::Interest(interest) = message else {
            return Err(Error::invalid("message", "the first message must be an interest"));
        };
        let mut following = self.begin(interest).await?;
        loop {
            tokio::select! {
                message = messages.next() => match incoming(message)? {
                    Some(message) => self.take(&mut following, message)?,
                    None => return Ok(()),
                },
                permit = self.out.reserve(), if following.due => match permit {
                    Ok(permit) => if let Some(batch) = self.next(&mut following) { permit.send(Ok(batch)) },
                    Err(_) => return Ok(()),
                },
                () = following.watcher.woken() => following.due = true,
                () = tokio::time::sleep_until(following.next_mark), if !following.due => following.due = true,
            }
        }
    }

    async fn begin(&self, interest: proto::Interest) -> Result<Following> {
        let subscribe = read(interest)?;
        let mirror = &self.hub.0.mirror;
        let from = self.resume_point(&subscribe);
        if from > mirror.revision() {
            // Whether it comes or not, the cursor gives the right message.
            drop(tokio::time::timeout(CATCH_UP, mirror.reached(from)).await);
        }
        // Watching before reading: nothing falls between.
        let watcher = Arc::new(mirror.watch(subscribe.interest.clone()));
        let since = self.hub.0.clock.wall();
        let joined = self
            .hub
            .join(Subscriber::new(subscribe, watcher.clone(), self.peer, since))?;
        Ok(Following {
            joined,
            watcher,
            cursor: Cursor::resume(from),
            due: true,
            next_mark: self.next_mark(),
        })
    }

    /// What it has applied, if it has it from the history that is served here; else 0. One that names no history is of
    /// an older version.
    fn resume_point(&self, subscribe: &Subscribe) -> Revision {
        let history = &self.hub.0.history;
        let from = subscribe.resume_from;
        match &subscribe.history {
            Some(known) if !history.has(known.store, known.opening, from) => 0,
            _ => from,
        }
    }

    fn take(&self, following: &mut Following, message: Message) -> Result<()> {
        match message {
            Message::Ack(ack) => following.joined.subscriber.ack(ack),
            Message::Interest(interest) => {
                let subscribe = read(interest)?;
                following.watcher = Arc::new(self.hub.0.mirror.watch(subscribe.interest.clone()));
                following
                    .joined
                    .subscriber
                    .replace(subscribe, following.watcher.clone());
                following.cursor.restart();
                following.due = true;
            }
        }
        self.hub.0.receipts.send_replace(());
        Ok(())
    }

    /// The batch to send now that there is room for it.
    fn next(&self, following: &mut Following) -> Option<Batch> {
        following.due = false;
        let resuming = following.cursor.resuming();
        let marking = Instant::now() >= following.next_mark;
        let subscriber = &following.joined.subscriber;
        let batch = match following.cursor.next(&self.hub.0.mirror, following.watcher.interest()) {
            Some(delta) => {
                if let (Some(from), false) = (resuming, delta.full) {
                    subscriber.resumed(from);
                    self.hub.0.receipts.send_replace(());
                }
                self.count(delta.full);
                Some(encode::batch(delta, &self.hub.0.history))
            }
            None if marking => following.cursor.mark().map(encode::mark),
            None => None,
        };
        if let Some(batch) = &batch {
            subscriber.sent(batch.revision);
        }
        if batch.is_some() || marking {
            following.next_mark = self.next_mark();
        }
        batch
    }

    fn count(&self, full: bool) {
        let metrics = &self.hub.0.metrics;
        if full { &metrics.full } else { &metrics.batches }.inc();
    }

    fn next_mark(&self) -> Instant {
        Instant::now() + self.hub.0.config.mark_every
    }
}

fn read(interest: proto::Interest) -> Result<Subscribe> {
    Subscribe::from_proto(interest).map_err(|error| Error::invalid(error.field.clone(), error))
}

/// `None` at the end of the stream, also when the peer broke it off: there is nobody to tell.
fn incoming(message: Incoming) -> Result<Option<Message>> {
    match message {
        Some(Ok(proto::SubscribeRequest { message: Some(message) })) => Ok(Some(message)),
        Some(Ok(proto::SubscribeRequest { message: None })) => Err(Error::invalid(
            "message",
            "is empty or of a newer protocol than this server speaks",
        )),
        Some(Err(status)) => {
            tracing::debug!(%status, "a subscription broke off");
            Ok(None)
        }
        None => Ok(None),
    }
}

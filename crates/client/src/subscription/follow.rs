//! The task behind a subscription: one connection after the other, for ever.

use std::sync::Arc;
use std::time::Duration;

use nines_base::Clock;
use nines_model::Interest;
use nines_wire::convert::Subscribe;
use nines_wire::proto::change::Subject;
use nines_wire::proto::hub_client::HubClient;
use nines_wire::proto::subscribe_request::Message;
use nines_wire::proto::{self, SubscribeRequest};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use super::stream::View;
use super::{Ack, Source, SubscriptionConfig, SubscriptionStatus, Update, Wishes};
use crate::cache::{self, Good};
use crate::connect::{Servers, reason};

/// How long the control plane may take to answer at the start before the last-known-good file serves.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of one batch; 100,000 instances are about 30 MB.
const MAX_BATCH: usize = 256 << 20;
/// Messages to the control plane that may wait for the network. There are only two kinds, and each replaces its
/// predecessor, so few suffice.
const OUTGOING: usize = 4;

pub(super) struct Follower {
    config: SubscriptionConfig,
    servers: Servers,
    clock: Clock,
    view: View,
    updates: watch::Sender<Option<Update>>,
    status: watch::Sender<SubscriptionStatus>,
    interest: watch::Receiver<Arc<Interest>>,
    ack: watch::Receiver<Ack>,
    /// To the task that keeps the last-known-good file.
    states: watch::Sender<Option<Good>>,
    /// Whether the last-known-good file was looked at; it is only at the start that it knows more.
    fallback_tried: bool,
    /// When the stream gave its first batch.
    live_since: Option<Instant>,
}

/// Why following ended.
enum Ended {
    /// The process stops, or nobody listens any more.
    Done,
    Lost(String),
}

impl Follower {
    pub(super) fn new(
        config: SubscriptionConfig,
        servers: Servers,
        wishes: &Wishes,
        updates: watch::Sender<Option<Update>>,
        status: watch::Sender<SubscriptionStatus>,
        states: watch::Sender<Option<Good>>,
        clock: Clock,
    ) -> Self {
        Self {
            config,
            servers,
            clock,
            view: View::default(),
            updates,
            status,
            interest: wishes.interest.subscribe(),
            ack: wishes.ack.subscribe(),
            states,
            fallback_tried: false,
            live_since: None,
        }
    }

    /// Follows until the process stops.
    pub(super) async fn run(mut self, stopping: CancellationToken) {
        let fallback_at = Instant::now() + PATIENCE;
        loop {
            let unanswered = nothing_by(fallback_at, self.updates.subscribe());
            let ended = tokio::select! {
                ended = self.follow() => ended,
                () = unanswered, if self.may_fall_back() => {
                    self.serve_last_known_good();
                    continue;
                }
                () = stopping.cancelled() => Ended::Done,
            };
            let Ended::Lost(reason) = ended else { break };
            self.servers.ended(self.live_since.take());
            let wait = self.servers.wait();
            let attempt = self.servers.failures();
            tracing::warn!(attempt, reason, "the subscription is lost; trying again in {wait:?}");
            self.status
                .send_replace(SubscriptionStatus::Reconnecting { attempt, reason });
            if self.may_fall_back() {
                self.serve_last_known_good();
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stopping.cancelled() => break,
            }
        }
    }

    /// One connection, from connecting to its end.
    async fn follow(&mut self) -> Ended {
        let channel = match self.servers.connect().await {
            Ok(channel) => channel,
            Err(error) => return Ended::Lost(reason(&error)),
        };
        let (outgoing, requests) = mpsc::channel(OUTGOING);
        let mut asked = self.interest.borrow_and_update().clone();
        if outgoing.send(self.subscribe(&asked)).await.is_err() {
            return Ended::Lost("closed before it began".into());
        }
        let mut client = HubClient::new(channel).max_decoding_message_size(MAX_BATCH);
        let mut batches = match client.subscribe(ReceiverStream::new(requests)).await {
            Ok(response) => response.into_inner(),
            Err(status) => return Ended::Lost(status.message().into()),
        };
        // A new stream knows nothing of former words.
        self.ack.mark_changed();
        // A changed interest is told only after the first answer, so that a full state can be ascribed to what was
        // asked last.
        let mut answered = false;
        loop {
            tokio::select! {
                batch = batches.message() => match self.take(batch, &asked) {
                    Ok(()) => answered = true,
                    Err(why) => return Ended::Lost(why),
                },
                changed = self.interest.changed(), if answered => {
                    if changed.is_err() {
                        return Ended::Done;
                    }
                    asked = self.interest.borrow_and_update().clone();
                    let request = self.subscribe(&asked);
                    if outgoing.send(request).await.is_err() {
                        return Ended::Lost(end_of(&mut batches).await);
                    }
                }
                changed = self.ack.changed(), if answered => {
                    if changed.is_err() {
                        return Ended::Done;
                    }
                    let request = self.acknowledge();
                    if outgoing.send(request).await.is_err() {
                        return Ended::Lost(end_of(&mut batches).await);
                    }
                }
            }
        }
    }

    /// Applies what came and hands the new state on.
    fn take(
        &mut self,
        batch: Result<Option<proto::Batch>, tonic::Status>,
        asked: &Arc<Interest>,
    ) -> Result<(), String> {
        let batch = match batch {
            Ok(Some(batch)) => batch,
            Ok(None) => return Err("closed by the control plane".into()),
            Err(status) => return Err(status.message().into()),
        };
        if batch.full && !names_documents(&batch) && self.may_fall_back() {
            // Whether that is everything there is, or a store that was lost, the file can tell.
            self.recall();
        }
        let held_former = self.view.holds_former();
        if let Err(error) = self.view.apply(batch, asked) {
            // What is known may be wrong: ask for all of it.
            self.view.whole = false;
            return Err(error.to_string());
        }
        self.live_since.get_or_insert_with(Instant::now);
        self.status
            .send_if_modified(|status| std::mem::replace(status, SubscriptionStatus::Live) != SubscriptionStatus::Live);
        if self.view.holds_former() {
            if !held_former {
                tracing::warn!(
                    revision = self.view.catalog.revision,
                    "the control plane has begun anew and knows nothing; the former state stays in force"
                );
            }
            // The file keeps what it has: the next process is to know the former state as well.
            self.hand_on(Source::Former);
            return Ok(());
        }
        self.hand_on(Source::Live);
        self.states.send_replace(Some(Good {
            catalog: self.view.catalog.clone(),
            history: self.view.history,
        }));
        Ok(())
    }

    fn hand_on(&self, source: Source) {
        let update = Update {
            catalog: self.view.in_force(),
            interest: self.view.interest.clone(),
            source,
            epoch: self.view.epoch,
        };
        self.updates.send_replace(Some(update));
    }

    fn may_fall_back(&self) -> bool {
        !self.fallback_tried && self.updates.borrow().is_none() && self.config.cache.is_some()
    }

    /// Hands the state of the file on, once. The stream still asks for everything: what the file holds was asked for by
    /// an earlier process.
    fn serve_last_known_good(&mut self) {
        match self.recall() {
            Some(age) => {
                let revision = self.view.catalog.revision;
                tracing::warn!(revision, ?age, "serving from the last-known-good file");
                self.hand_on(Source::LastKnownGood { age });
            }
            None => tracing::warn!("there is nothing to serve from until the control plane answers"),
        }
    }

    /// Makes the state of the file the one that is known, once, and gives its age.
    fn recall(&mut self) -> Option<Duration> {
        self.fallback_tried = true;
        let path = self.config.cache.as_ref()?;
        match cache::read(path, self.clock.wall()) {
            Ok(Some((good, age))) => {
                self.view = View::recalled(good, self.interest.borrow().clone());
                Some(age)
            }
            Ok(None) => {
                tracing::info!(path = %path.display(), "there is no last-known-good file yet");
                None
            }
            Err(error) => {
                tracing::error!(%error, "the last-known-good file is of no use");
                None
            }
        }
    }

    fn subscribe(&self, asked: &Arc<Interest>) -> SubscribeRequest {
        let subscribe = Subscribe {
            subscriber: self.config.subscriber.clone(),
            interest: (**asked).clone(),
            resume_from: self.view.resume_from(asked),
            labels: self.config.labels.clone(),
            history: self.view.history,
        };
        SubscribeRequest {
            message: Some(Message::Interest(subscribe.to_proto())),
        }
    }

    fn acknowledge(&mut self) -> SubscribeRequest {
        let ack = self.ack.borrow_and_update().clone();
        let verdicts = ack.verdicts.into_iter().map(|(key, verdict)| proto::ConfigVerdict {
            namespace: key.namespace,
            name: key.name,
            version: verdict.version,
            rejected: verdict.rejected.unwrap_or_default(),
        });
        SubscribeRequest {
            message: Some(Message::Ack(proto::Ack {
                // An epoch that is over is of no interest to the control plane.
                revision: if ack.applied.epoch == self.view.epoch {
                    ack.applied.revision
                } else {
                    0
                },
                verdicts: verdicts.collect(),
            })),
        }
    }
}

fn names_documents(batch: &proto::Batch) -> bool {
    let subjects = batch.changes.iter().filter_map(|change| change.subject.as_ref());
    subjects
        .into_iter()
        .any(|subject| matches!(subject, Subject::Resource(_) | Subject::Config(_)))
}

/// Ends at `at` if there is no update by then, else never.
async fn nothing_by(at: Instant, updates: watch::Receiver<Option<Update>>) {
    sleep_until(at).await;
    if updates.borrow().is_some() {
        std::future::pending::<()>().await;
    }
}

/// Why the stream took no more messages.
async fn end_of(batches: &mut Streaming<proto::Batch>) -> String {
    match batches.message().await {
        Err(status) => status.message().into(),
        Ok(_) => "closed by the control plane".into(),
    }
}

//! The task behind a session: one connection after the other, for ever.

use std::collections::HashMap;
use std::time::Duration;

use nines_model::InstanceKey;
use nines_wire::convert::key_from_proto;
use nines_wire::proto::registry_client::RegistryClient;
use nines_wire::proto::session_response::Message;
use nines_wire::proto::{SessionRequest, SessionResponse};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, interval, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::core::Core;
use super::{Command, DrainOutcome, SessionConfig, SessionStatus};
use crate::connect::{Servers, reason};

/// Messages that may wait for the network; a stream that takes none within a heartbeat interval counts as dead.
const OUTGOING: usize = 64;

pub(super) struct Runner {
    config: SessionConfig,
    servers: Servers,
    core: Core,
    commands: mpsc::UnboundedReceiver<Command>,
    status: watch::Sender<SessionStatus>,
    drains: HashMap<InstanceKey, oneshot::Sender<DrainOutcome>>,
    departures: HashMap<InstanceKey, oneshot::Sender<()>>,
    /// When the stream was welcomed.
    live_since: Option<Instant>,
}

/// Why a connection ended.
enum Ended {
    /// The session was dropped.
    Done,
    Lost(String),
}

impl Runner {
    pub(super) fn new(
        config: SessionConfig,
        servers: Servers,
        commands: mpsc::UnboundedReceiver<Command>,
        status: watch::Sender<SessionStatus>,
    ) -> Self {
        let (drains, departures) = (HashMap::new(), HashMap::new());
        Self {
            config,
            servers,
            core: Core::default(),
            commands,
            status,
            drains,
            departures,
            live_since: None,
        }
    }

    /// Keeps the session until it is dropped.
    pub(super) async fn run(mut self) {
        while let Ended::Lost(reason) = self.connection().await {
            self.core.lost();
            self.servers.ended(self.live_since.take());
            let wait = self.servers.wait();
            let attempt = self.servers.failures();
            tracing::warn!(attempt, reason, "the session is lost; trying again in {wait:?}");
            self.status
                .send_replace(SessionStatus::Reconnecting { attempt, reason });
            if !self.rest(wait).await {
                return;
            }
        }
    }

    /// Waits, still taking commands; false when the session was dropped.
    async fn rest(&mut self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                () = sleep_until(until) => return true,
                command = self.commands.recv() => match command {
                    Some(command) => drop(self.obey(command)),
                    None => return false,
                },
            }
        }
    }

    /// One connection, from connecting to its end.
    async fn connection(&mut self) -> Ended {
        let channel = match self.servers.connect().await {
            Ok(channel) => channel,
            Err(error) => return Ended::Lost(reason(&error)),
        };
        let (outgoing, requests) = mpsc::channel(OUTGOING);
        // The channel is empty, so its first message fits.
        if outgoing
            .try_send(self.core.hello(self.config.ttl, &self.config.client))
            .is_err()
        {
            return Ended::Lost("closed before it began".into());
        }
        let mut client = RegistryClient::new(channel);
        let responses = match timeout(self.config.ttl, client.session(ReceiverStream::new(requests))).await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return Ended::Lost(status.message().into()),
            Err(_) => return Ended::Lost("no answer within the TTL".into()),
        };
        self.talk(&outgoing, responses).await
    }

    /// The life of a stream. Its own deadline finds a dead one: each heartbeat must be answered before the next but one.
    async fn talk(
        &mut self,
        outgoing: &mpsc::Sender<SessionRequest>,
        mut responses: Streaming<SessionResponse>,
    ) -> Ended {
        let every = self.config.ttl / 3;
        let mut beat = interval(every);
        let mut heard = Instant::now();
        loop {
            let messages = tokio::select! {
                response = responses.message() => match response {
                    Ok(Some(response)) => {
                        heard = Instant::now();
                        self.hear(response)
                    }
                    Ok(None) => return Ended::Lost("closed by the control plane".into()),
                    Err(status) => return Ended::Lost(status.message().into()),
                },
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return Ended::Done,
                },
                _ = beat.tick() => self.core.beat(),
                () = sleep_until(heard + every * 2) => return Ended::Lost("no answer to a heartbeat".into()),
            };
            if self.core.is_welcomed() {
                self.tell();
            }
            for message in messages {
                match timeout(every, outgoing.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Ended::Lost(end_of(&mut responses).await),
                    Err(_) => return Ended::Lost("the control plane takes no messages".into()),
                }
            }
        }
    }

    /// Does what the process wants, and gives what is to be sent.
    fn obey(&mut self, command: Command) -> Vec<SessionRequest> {
        match command {
            Command::Register(key, registration) => self.core.register(key, registration).into_iter().collect(),
            Command::Drain(key, deadline, reply) => {
                if !self.core.knows(&key) {
                    answer(
                        reply,
                        DrainOutcome {
                            complete: true,
                            outstanding: 0,
                        },
                    );
                    return Vec::new();
                }
                let message = self.core.drain(&key, deadline);
                self.drains.insert(key, reply);
                message.into_iter().collect()
            }
            Command::Deregister(key, reply) => {
                if !self.core.knows(&key) {
                    answer(reply, ());
                    return Vec::new();
                }
                let message = self.core.deregister(&key);
                self.departures.insert(key, reply);
                message.into_iter().collect()
            }
        }
    }

    /// Takes in what the control plane says, and gives what is to be sent.
    fn hear(&mut self, response: SessionResponse) -> Vec<SessionRequest> {
        match response.message {
            Some(Message::Welcome(welcome)) => {
                self.live_since.get_or_insert_with(Instant::now);
                self.core.welcome(welcome.session)
            }
            Some(Message::Registered(registered)) => {
                self.with_key(registered.id, |core, key| core.registered(key, registered.revision));
                Vec::new()
            }
            Some(Message::Refused(refused)) => {
                tracing::error!(reason = refused.message, "the control plane refuses a registration");
                // Nobody will say more of a drain that is refused.
                if let Ok(key) = key_from_proto("id", refused.id.clone())
                    && let Some(reply) = self.drains.remove(&key)
                {
                    answer(
                        reply,
                        DrainOutcome {
                            complete: false,
                            outstanding: 0,
                        },
                    );
                }
                self.with_key(refused.id, |core, key| {
                    core.refused(key, &refused.kind, refused.message);
                });
                Vec::new()
            }
            Some(Message::Drained(drained)) => {
                let outcome = DrainOutcome {
                    complete: drained.complete,
                    outstanding: drained.outstanding,
                };
                if let Ok(key) = key_from_proto("id", drained.id)
                    && let Some(reply) = self.drains.remove(&key)
                {
                    answer(reply, outcome);
                }
                Vec::new()
            }
            Some(Message::Deregistered(gone)) => {
                if let Ok(key) = key_from_proto("id", gone.id) {
                    self.core.deregistered(&key);
                    if let Some(reply) = self.departures.remove(&key) {
                        answer(reply, ());
                    }
                }
                Vec::new()
            }
            Some(Message::Alive(_)) | None => Vec::new(),
        }
    }

    /// Publishes the status as the core has it.
    fn tell(&self) {
        let now = self.core.status();
        self.status
            .send_if_modified(|status| std::mem::replace(status, now.clone()) != now);
    }

    fn with_key(&mut self, id: Option<nines_wire::proto::InstanceId>, then: impl FnOnce(&mut Core, &InstanceKey)) {
        match key_from_proto("id", id) {
            Ok(key) => then(&mut self.core, &key),
            Err(error) => tracing::warn!(%error, "the control plane speaks of an instance that cannot be"),
        }
    }
}

/// Who asked may have stopped waiting; then nobody misses the answer.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    drop(reply.send(value));
}

/// Why the stream took no more messages.
async fn end_of(responses: &mut Streaming<SessionResponse>) -> String {
    match responses.message().await {
        Err(status) => status.message().into(),
        Ok(_) => "closed by the control plane".into(),
    }
}

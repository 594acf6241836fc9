//! What a session is asked to do.

use std::collections::BTreeSet;
use std::time::Duration;

use nines_model::{InstanceKey, Registration};
use nines_wire::convert::{key_from_proto, key_to_proto, registration_from_proto};
use nines_wire::proto;
use nines_wire::proto::session_request::Message;
use nines_wire::proto::session_response::Message as Answer;
use tokio::time::Instant;

use super::{Live, Request, message};
use crate::error::{Error, Result};
use crate::hub::Drained;
use crate::registry::{self, MAX_HELD};

/// How long a drain waits when the client does not say.
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);
const MAX_DRAIN: Duration = Duration::from_secs(3600);

impl Live {
    /// Does what a chunk of requests asks for, in order. `false` when the stream broke off within it.
    pub(super) async fn work(&mut self, chunk: Vec<Request>) -> Result<bool> {
        let mut registers = Vec::new();
        for request in chunk {
            let Some(message) = message(request)? else {
                return Ok(false);
            };
            if let Message::Register(register) = message {
                registers.push(register);
                continue;
            }
            self.register(std::mem::take(&mut registers)).await?;
            match message {
                Message::Heartbeat(_) => self.heartbeat().await?,
                Message::Deregister(deregister) => self.deregister(deregister).await?,
                Message::Drain(drain) => self.drain(drain).await?,
                Message::Hello(_) => return Err(Error::invalid("message", "a second hello; open a new stream")),
                Message::Register(_) => {}
            }
        }
        self.register(registers).await?;
        Ok(true)
    }

    /// Registers those that are right, together; each is answered on its own.
    async fn register(&mut self, registers: Vec<proto::Register>) -> Result<()> {
        let mut batch: Vec<(InstanceKey, Registration)> = Vec::new();
        let mut names = BTreeSet::new();
        for register in registers {
            let id = register.id.clone();
            match self.read(register, names.len()) {
                Ok((key, registration)) => {
                    // A transaction writes no key twice.
                    if !names.insert(key.clone()) {
                        self.hold(std::mem::take(&mut batch)).await?;
                        names = BTreeSet::from([key.clone()]);
                    }
                    batch.push((key, registration));
                }
                Err(error) => self.refuse(id, &error).await?,
            }
        }
        self.hold(batch).await
    }

    fn read(&self, register: proto::Register, more: usize) -> Result<(InstanceKey, Registration)> {
        let wrong = |error: nines_wire::convert::ConvertError| Error::invalid(error.field.clone(), error);
        let key = key_from_proto("id", register.id).map_err(wrong)?;
        let registration = registration_from_proto(register.registration).map_err(wrong)?;
        registry::check_registration(&registration)?;
        if !self.held.contains(&key) && self.held.len() + more >= MAX_HELD {
            return Err(Error::Exhausted(format!(
                "a session holds at most {MAX_HELD} instances; open another session for {key}"
            )));
        }
        Ok((key, registration))
    }

    async fn hold(&mut self, batch: Vec<(InstanceKey, Registration)>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        match self.sessions.0.registry.hold(&self.holder, &batch).await {
            Ok(revision) => {
                for (key, _) in batch {
                    let id = Some(key_to_proto(&key));
                    self.held.insert(key);
                    self.send(Answer::Registered(proto::Registered { id, revision }))
                        .await?;
                }
                Ok(())
            }
            // The client registers everything again when it gets the new session.
            Err(Error::Store(nines_store::Error::LeaseNotFound(_))) => self.reopen().await,
            Err(error) => {
                for (key, _) in batch {
                    self.refuse(Some(key_to_proto(&key)), &error).await?;
                }
                Ok(())
            }
        }
    }

    async fn heartbeat(&mut self) -> Result<()> {
        if self.sessions.keep_alive(self.holder.lease).await?.is_none() {
            return self.reopen().await;
        }
        let lost = self.sessions.0.registry.lost(&self.holder.session, self.held.iter());
        for (key, error) in lost {
            self.held.remove(&key);
            self.refuse(Some(key_to_proto(&key)), &error).await?;
        }
        self.send(Answer::Alive(proto::Alive {})).await
    }

    /// The lease has ended: a new session, without instances.
    async fn reopen(&mut self) -> Result<()> {
        tracing::info!(session = %self.holder.session, client = %self.hello.client, "the session had ended; opened a new one");
        let opened = self.sessions.open_new(&self.hello).await?;
        self.seat = self.sessions.sit(&opened.holder.session)?;
        self.holder = opened.holder;
        self.ttl = opened.ttl;
        self.held.clear();
        self.welcome().await
    }

    async fn deregister(&mut self, request: proto::Deregister) -> Result<()> {
        let id = request.id.clone();
        match self.let_go(request).await {
            Ok(key) => {
                let id = Some(key_to_proto(&key));
                self.send(Answer::Deregistered(proto::Deregistered { id })).await
            }
            Err(error) => self.refuse(id, &error).await,
        }
    }

    /// Not to be registered is what the client wants: one that is gone already is answered like the others.
    async fn let_go(&mut self, request: proto::Deregister) -> Result<InstanceKey> {
        let key = key_from_proto("id", request.id).map_err(|e| Error::invalid(e.field.clone(), e))?;
        if self.held.contains(&key) {
            self.sessions.0.registry.let_go(&self.holder, &key).await?;
            self.held.remove(&key);
        }
        Ok(key)
    }

    async fn drain(&mut self, request: proto::Drain) -> Result<()> {
        let id = request.id.clone();
        match self.start_drain(request).await {
            Ok(()) => Ok(()),
            Err(error) => self.refuse(id, &error).await,
        }
    }

    /// Takes the instance out of rotation; the wait for the subscribers goes on beside the stream's other work.
    async fn start_drain(&mut self, request: proto::Drain) -> Result<()> {
        let key = key_from_proto("id", request.id).map_err(|e| Error::invalid(e.field.clone(), e))?;
        if !self.held.contains(&key) {
            return Err(Error::NotFound(format!("this session does not hold instance {key}")));
        }
        if !self.draining.insert(key.clone()) {
            return Ok(());
        }
        let wait = match request.deadline_ms {
            0 => DEFAULT_DRAIN,
            millis => Duration::from_millis(millis).min(MAX_DRAIN),
        };
        let deadline = Instant::now() + wait;
        let revision = match self.sessions.0.registry.start_draining(&self.holder, &key).await {
            Ok(revision) => revision,
            Err(error) => {
                self.draining.remove(&key);
                return Err(error);
            }
        };
        let hub = self.sessions.0.hub.clone();
        self.drains.push(Box::pin(async move {
            let drained = hub.drained(&key.service, revision, deadline).await;
            (key, drained)
        }));
        Ok(())
    }

    pub(super) async fn tell_drained(&mut self, key: InstanceKey, drained: Drained) -> Result<()> {
        self.draining.remove(&key);
        self.send(Answer::Drained(proto::Drained {
            id: Some(key_to_proto(&key)),
            complete: drained.complete,
            outstanding: u32::try_from(drained.outstanding).unwrap_or(u32::MAX),
        }))
        .await
    }

    async fn refuse(&mut self, id: Option<proto::InstanceId>, error: &Error) -> Result<()> {
        self.send(Answer::Refused(proto::Refused {
            id,
            kind: error.kind().as_str().into(),
            message: error.to_string(),
        }))
        .await
    }
}

//! What a session wants and what is confirmed. Pure: events in, messages out.

use std::collections::BTreeMap;
use std::time::Duration;

use nines_base::Kind;
use nines_model::{InstanceKey, Registration, Revision};
use nines_wire::convert::{key_to_proto, registration_to_proto};
use nines_wire::proto::session_request::Message;
use nines_wire::proto::{self, SessionRequest};

use super::SessionStatus;

/// The session's state, whether or not a stream is up.
#[derive(Debug, Default)]
pub(super) struct Core {
    /// The control plane's name for the session; empty before the first welcome.
    session: String,
    /// Whether the stream is up and welcomed.
    welcomed: bool,
    instances: BTreeMap<InstanceKey, Entry>,
    revision: Revision,
}

#[derive(Debug)]
struct Entry {
    registration: Registration,
    stage: Stage,
}

/// How far an instance has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Asserted,
    Confirmed,
    /// `passing` tells a trouble of the control plane's (no disk, no store) from a registration that is wrong.
    Refused {
        message: String,
        passing: bool,
    },
    Draining {
        deadline: Duration,
    },
    Leaving,
}

impl Core {
    /// The first message of a stream.
    pub(super) fn hello(&self, ttl: Duration, client: &str) -> SessionRequest {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        request(Message::Hello(proto::Hello {
            session: self.session.clone(),
            ttl_ms,
            client: client.into(),
        }))
    }

    /// The stream is welcomed. In a new session everything is asserted again, in the old one only what is open.
    pub(super) fn welcome(&mut self, session: String) -> Vec<SessionRequest> {
        let resumed = self.session == session;
        self.session = session;
        self.welcomed = true;
        let mut messages = Vec::new();
        for (key, entry) in &mut self.instances {
            if !resumed && entry.stage == Stage::Confirmed {
                entry.stage = Stage::Asserted;
            }
            messages.extend(assert_again(key, entry, resumed));
        }
        messages
    }

    pub(super) fn lost(&mut self) {
        self.welcomed = false;
    }

    pub(super) fn register(&mut self, key: InstanceKey, registration: Registration) -> Option<SessionRequest> {
        let entry = Entry {
            registration,
            stage: Stage::Asserted,
        };
        let message = register(&key, &entry);
        self.instances.insert(key, entry);
        self.welcomed.then_some(message)
    }

    pub(super) fn drain(&mut self, key: &InstanceKey, deadline: Duration) -> Option<SessionRequest> {
        let entry = self.instances.get_mut(key)?;
        entry.stage = Stage::Draining { deadline };
        self.welcomed.then(|| drain(key, deadline))
    }

    pub(super) fn deregister(&mut self, key: &InstanceKey) -> Option<SessionRequest> {
        let entry = self.instances.get_mut(key)?;
        entry.stage = Stage::Leaving;
        self.welcomed.then(|| deregister(key))
    }

    /// Whether the instance is wanted at all.
    pub(super) fn knows(&self, key: &InstanceKey) -> bool {
        self.instances.contains_key(key)
    }

    pub(super) fn registered(&mut self, key: &InstanceKey, revision: Revision) {
        self.revision = self.revision.max(revision);
        if let Some(entry) = self.instances.get_mut(key)
            && matches!(entry.stage, Stage::Asserted | Stage::Refused { .. })
        {
            entry.stage = Stage::Confirmed;
        }
    }

    /// A registration is refused. What is on its way out stays so, whatever becomes of its registration.
    pub(super) fn refused(&mut self, key: &InstanceKey, kind: &str, message: String) {
        let troubles = [
            Kind::Unavailable,
            Kind::DeadlineExceeded,
            Kind::UnknownOutcome,
            Kind::ResourceExhausted,
            Kind::Internal,
        ];
        if let Some(entry) = self.instances.get_mut(key)
            && !matches!(entry.stage, Stage::Draining { .. } | Stage::Leaving)
        {
            let passing = troubles.iter().any(|trouble| trouble.as_str() == kind);
            entry.stage = Stage::Refused { message, passing };
        }
    }

    /// What is said at every heartbeat: that the process lives, and again what was refused for a passing reason.
    pub(super) fn beat(&mut self) -> Vec<SessionRequest> {
        let mut messages = vec![request(Message::Heartbeat(proto::Heartbeat {}))];
        if self.welcomed {
            let refused = self.instances.iter();
            let again = refused.filter(|(_, entry)| matches!(entry.stage, Stage::Refused { passing: true, .. }));
            messages.extend(again.map(|(key, entry)| register(key, entry)));
        }
        messages
    }

    pub(super) fn deregistered(&mut self, key: &InstanceKey) {
        if self
            .instances
            .get(key)
            .is_some_and(|entry| entry.stage == Stage::Leaving)
        {
            self.instances.remove(key);
        }
    }

    /// Whether the control plane has answered on this stream.
    pub(super) fn is_welcomed(&self) -> bool {
        self.welcomed
    }

    /// What to tell people while the stream is up.
    pub(super) fn status(&self) -> SessionStatus {
        let refused = self.instances.iter().find_map(|(key, entry)| match &entry.stage {
            Stage::Refused { message, .. } => Some((key.to_string(), message.clone())),
            _ => None,
        });
        if let Some((instance, message)) = refused {
            return SessionStatus::Refused { instance, message };
        }
        if self.instances.values().any(|entry| entry.stage == Stage::Asserted) {
            return SessionStatus::Registering;
        }
        SessionStatus::Registered {
            revision: self.revision,
        }
    }
}

fn assert_again(key: &InstanceKey, entry: &Entry, resumed: bool) -> Vec<SessionRequest> {
    match &entry.stage {
        Stage::Asserted | Stage::Refused { passing: true, .. } => vec![register(key, entry)],
        Stage::Confirmed | Stage::Refused { .. } => Vec::new(),
        // A new session must know the instance before it can drain it.
        Stage::Draining { deadline } if resumed => vec![drain(key, *deadline)],
        Stage::Draining { deadline } => vec![register(key, entry), drain(key, *deadline)],
        Stage::Leaving => vec![deregister(key)],
    }
}

fn register(key: &InstanceKey, entry: &Entry) -> SessionRequest {
    let registration = Some(registration_to_proto(&entry.registration));
    request(Message::Register(proto::Register {
        id: Some(key_to_proto(key)),
        registration,
    }))
}

fn drain(key: &InstanceKey, deadline: Duration) -> SessionRequest {
    let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
    request(Message::Drain(proto::Drain {
        id: Some(key_to_proto(key)),
        deadline_ms,
    }))
}

fn deregister(key: &InstanceKey) -> SessionRequest {
    request(Message::Deregister(proto::Deregister {
        id: Some(key_to_proto(key)),
    }))
}

fn request(message: Message) -> SessionRequest {
    SessionRequest { message: Some(message) }
}

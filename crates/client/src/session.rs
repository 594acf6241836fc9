//! A session: one stream that keeps this process's instances registered for as long as it lives.
//!
//! How it works: the pure [`core`] knows what is wanted and what the control plane has confirmed; a task sends the
//! difference, heartbeats, and opens the stream again for ever. A resumed session keeps its instances; in a new one
//! everything wanted is asserted again.

mod core;
mod run;

use std::time::Duration;

use nines_base::Rng;
use nines_model::{InstanceKey, Registration, Revision};
use nines_runtime::Tasks;
use tokio::sync::{mpsc, oneshot, watch};

use crate::connect::{BadServer, Servers};
use run::Runner;

/// TTL of a session that names none.
pub const DEFAULT_TTL: Duration = Duration::from_secs(10);

/// What to register with.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// `http://HOST:PORT` of each control-plane replica.
    pub servers: Vec<String>,
    /// For people: what the client is.
    pub client: String,
    /// Without a heartbeat for so long, the instances are gone. A heartbeat is sent every third of it.
    pub ttl: Duration,
}

/// How the session does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionStatus {
    Connecting,
    /// Everything wanted is registered, as of this revision.
    Registered {
        revision: Revision,
    },
    /// The stream is up, something is not confirmed yet.
    Registering,
    Reconnecting {
        attempt: u32,
        reason: String,
    },
    /// The control plane will not have an instance; changing the registration is the way out.
    Refused {
        instance: String,
        message: String,
    },
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainOutcome {
    /// Every subscriber has said that it routes there no more.
    pub complete: bool,
    /// Subscribers that had not.
    pub outstanding: u32,
}

/// A session. Dropping it ends the stream; the instances then expire with the TTL.
#[derive(Debug)]
pub struct Session {
    commands: mpsc::UnboundedSender<Command>,
    status: watch::Receiver<SessionStatus>,
}

/// What the process wants. Their number is bounded by the callers: each waits for its answer.
#[derive(Debug)]
enum Command {
    Register(InstanceKey, Registration),
    Drain(InstanceKey, Duration, oneshot::Sender<DrainOutcome>),
    Deregister(InstanceKey, oneshot::Sender<()>),
}

impl Session {
    /// Opens the session; its task belongs to `tasks` and outlives their stop signal, so that a stopping process can
    /// still drain. It ends when the session is dropped.
    pub fn start(config: SessionConfig, tasks: &Tasks) -> Result<Self, BadServer> {
        let servers = Servers::new(&config.servers, Rng::from_entropy())?;
        let (commands, wishes) = mpsc::unbounded_channel();
        let (status_in, status) = watch::channel(SessionStatus::Connecting);
        tasks.spawn("session", Runner::new(config, servers, wishes, status_in).run());
        Ok(Self { commands, status })
    }

    /// Registers the instance, or changes what it says of itself; from now on it is asserted until it is deregistered.
    pub fn register(&self, key: InstanceKey, registration: Registration) {
        self.send(Command::Register(key, registration));
    }

    /// Takes the instance out of rotation and waits until nobody routes to it any more, at most for `deadline`.
    pub async fn drain(&self, key: InstanceKey, deadline: Duration) -> DrainOutcome {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Drain(key, deadline, reply));
        let unknown = DrainOutcome {
            complete: false,
            outstanding: 0,
        };
        tokio::time::timeout(deadline, answer)
            .await
            .ok()
            .and_then(Result::ok)
            .unwrap_or(unknown)
    }

    /// Ends the registration, and waits for the control plane's word at most for `deadline`. Whether it came.
    pub async fn deregister(&self, key: InstanceKey, deadline: Duration) -> bool {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Deregister(key, reply));
        matches!(tokio::time::timeout(deadline, answer).await, Ok(Ok(())))
    }

    pub fn status(&self) -> watch::Receiver<SessionStatus> {
        self.status.clone()
    }

    fn send(&self, command: Command) {
        if self.commands.send(command).is_err() {
            tracing::error!("the session's task has ended; the instance cannot be registered");
        }
    }
}

#[cfg(test)]
mod tests;

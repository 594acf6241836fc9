//! Keeps the registration in step with readiness: registered once ready, out of rotation while a condition fails.

use std::net::SocketAddr;

use nines_client::{Session, SessionStatus};
use nines_model::instance::DEFAULT_WEIGHT;
use nines_model::{InstanceState, Port, Protocol, Registration};
use nines_runtime::Tasks;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::serve::Started;

pub(super) struct Keeper {
    context: Context,
    session: Option<Session>,
    registration: Registration,
    started: Started,
    /// What was said last.
    said: Option<InstanceState>,
}

/// The keeper's task.
pub(super) struct Handle {
    stop: CancellationToken,
    task: JoinHandle<Option<Option<Session>>>,
}

impl Handle {
    /// Ends the task and gives the session back.
    pub(super) async fn stop(self) -> Option<Session> {
        self.stop.cancel();
        self.task.await.ok().flatten().flatten()
    }
}

impl Keeper {
    pub(super) fn new(context: Context, session: Option<Session>, address: SocketAddr, started: Started) -> Self {
        let settings = context.settings();
        let registration = Registration {
            address: settings.advertise.unwrap_or(reachable(address)),
            ports: vec![Port {
                name: "http".into(),
                number: address.port(),
                protocol: Protocol::Http,
            }],
            labels: settings.labels.clone(),
            weight: DEFAULT_WEIGHT,
            state: InstanceState::Ready,
        };
        Self {
            context,
            session,
            registration,
            started,
            said: None,
        }
    }

    pub(super) fn start(self, tasks: &Tasks) -> Handle {
        let stop = CancellationToken::new();
        let task = tasks.spawn("registration", self.run(stop.clone()));
        Handle { stop, task }
    }

    async fn run(mut self, stop: CancellationToken) -> Option<Session> {
        let health = self.context.health().clone();
        let mut status = self.session.as_ref().map(Session::status);
        loop {
            self.look();
            let ready = health.report().ready;
            tokio::select! {
                () = health.until(!ready) => {}
                () = changed(&mut status) => {}
                () = stop.cancelled() => return self.session,
            }
        }
    }

    fn look(&mut self) {
        let ready = self.context.health().report().ready;
        if ready {
            self.started.set();
        }
        let Some(session) = &self.session else {
            self.started.settle();
            return;
        };
        let status = session.status().borrow().clone();
        remark(&self.context, &status);
        if self.said.is_some() && is_settled(&status) || matches!(status, SessionStatus::Reconnecting { .. }) {
            self.started.settle();
        }
        let wanted = if ready {
            InstanceState::Ready
        } else {
            InstanceState::Starting
        };
        // Before it is ready for the first time there is nothing to register.
        if self.said == Some(wanted) || (self.said.is_none() && !ready) {
            return;
        }
        self.registration.state = wanted;
        session.register(self.context.instance().clone(), self.registration.clone());
        self.said = Some(wanted);
    }
}

/// Whether the control plane has given its word on the registration.
fn is_settled(status: &SessionStatus) -> bool {
    matches!(status, SessionStatus::Registered { .. } | SessionStatus::Refused { .. })
}

/// Waits for the session's next word; for ever without a session.
async fn changed(status: &mut Option<watch::Receiver<SessionStatus>>) {
    let ended = match status {
        Some(status) => status.changed().await.is_err(),
        None => true,
    };
    if ended {
        std::future::pending::<()>().await;
    }
}

/// The control plane is no condition of readiness: a service that is cut off from it still serves.
pub(super) fn remark(context: &Context, status: &SessionStatus) {
    let health = context.health();
    match status {
        SessionStatus::Registered { .. } => health.ready("control plane"),
        SessionStatus::Connecting => health.ready_but("control plane", "connecting"),
        SessionStatus::Registering => health.ready_but("control plane", "registering"),
        SessionStatus::Reconnecting { attempt, reason } => {
            health.ready_but("control plane", format!("reconnecting, attempt {attempt}: {reason}"));
        }
        SessionStatus::Refused { instance, message } => {
            health.ready_but("control plane", format!("refuses {instance}: {message}"));
        }
    }
}

/// Whoever listens on every address is reached, as far as this machine goes, on the loopback one.
fn reachable(address: SocketAddr) -> std::net::IpAddr {
    match address.ip() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

//! The life of a service, from the bind to the exit code.

mod keeper;

use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use nines_base::Clock;
use nines_client::{DEFAULT_TTL, Session, SessionConfig, SessionStatus, Subscription, SubscriptionConfig};
use nines_model::{InstanceKey, ServiceKey, name};
use nines_runtime::Tasks;
use nines_runtime::signal::Termination;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::context::Context;
use crate::error::Error;
use crate::serve::{self, Metrics, Server, Started};
use crate::settings::Settings;
use keeper::Keeper;

/// Of the time for the end, what is kept for what comes after the drain: requests in flight, deregistration.
const RESERVE: Duration = Duration::from_secs(5);
/// How long a drain waits for a control plane that is out of reach; it may just be starting again.
const CUT_OFF: Duration = Duration::from_secs(2);
/// How long a deregistration may take in any case.
const LAST_WORD: Duration = Duration::from_millis(500);

/// A service, ready to run.
#[must_use]
pub struct Service {
    name: String,
    version: Option<String>,
    routes: Box<dyn FnOnce(&Context) -> Router + Send>,
}

/// Builds a [`Service`].
#[derive(Debug)]
#[must_use]
pub struct ServiceBuilder {
    name: String,
    version: Option<String>,
}

impl Service {
    /// A service of that name.
    pub fn builder(name: impl Into<String>) -> ServiceBuilder {
        ServiceBuilder {
            name: name.into(),
            version: None,
        }
    }

    /// Runs with the settings of the environment until SIGTERM or SIGINT; a second signal ends it at once. Errors are
    /// logged. The exit code is 0 after a clean end, 1 when requests had to be cut off, 2 when it could not start.
    pub async fn run(self) -> ExitCode {
        match self.run_from_env().await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                tracing::error!(%error, "the service cannot run");
                ExitCode::from(2)
            }
        }
    }

    async fn run_from_env(self) -> Result<bool, Error> {
        let settings = Settings::from_env().inspect_err(|_| log_for_the_error());
        let settings = settings?;
        let _log = nines_runtime::log::init(settings.log, &settings.log_filter).inspect_err(|_| log_for_the_error())?;
        let mut signals = Termination::listen().map_err(Error::Signals)?;
        let (first, second) = tokio::sync::oneshot::channel();
        let stop = async move {
            tracing::info!(signal = signals.received().await, "stopping");
            // Whoever runs the service holds the other end while it drains.
            drop(first.send(signals));
        };
        let now = async move {
            match second.await {
                Ok(mut signals) => drop(signals.received().await),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = self.run_with(settings, stop, |_| {}) => ended,
            () = now => {
                tracing::warn!("a second signal: ending at once");
                Ok(false)
            }
        }
    }

    /// Runs with these settings until `stop` is done, and tells `bound` where it listens. Whether every request and
    /// task ended by itself.
    pub async fn run_with(
        self,
        settings: Settings,
        stop: impl Future<Output = ()>,
        bound: impl FnOnce(SocketAddr),
    ) -> Result<bool, Error> {
        let running = self.start(settings).await?;
        bound(running.address);
        tokio::select! {
            () = stop => {}
            () = running.context.tasks().stopping().cancelled_owned() => {}
        }
        Ok(running.end().await)
    }

    async fn start(self, mut settings: Settings) -> Result<Running, Error> {
        name::check(&self.name)?;
        if let Some(version) = self.version {
            settings.labels.entry("version".into()).or_insert(version);
        }
        let (tasks, clock) = (Tasks::new(), Clock::system());
        let listener = TcpListener::bind(settings.listen).await;
        let listener = listener.map_err(|source| bind_error(&settings, source))?;
        let address = listener.local_addr().map_err(|source| bind_error(&settings, source))?;
        let id = settings
            .id
            .clone()
            .unwrap_or_else(|| format!("{}-{}", self.name, address.port()));
        let key = InstanceKey::new(ServiceKey::new(&settings.namespace, &self.name), id);
        name::check(&key.id)?;
        let context = Context::new(settings, key, tasks.clone(), clock.clone());
        let routes = (self.routes)(&context);
        let session = connect(&context, clock)?;
        let started = Started::default();
        let system = serve::system_router(context.health().clone(), context.metrics().clone(), started.clone());
        let metrics = Metrics::new(context.metrics());
        let observed = routes.layer(axum::middleware::from_fn_with_state(metrics, serve::observe));
        let server = Server::start(listener, observed.merge(system), &tasks);
        tracing::info!(service = %context.instance(), %address, "listening");
        let keeper = Keeper::new(context.clone(), session, address, started);
        Ok(Running {
            address,
            server,
            keeper: keeper.start(&tasks),
            context,
        })
    }
}

impl ServiceBuilder {
    /// The label `version`, unless the settings name another.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The service's routes, made once its surroundings are there.
    pub fn routes(self, routes: impl FnOnce(&Context) -> Router + Send + 'static) -> Service {
        Service {
            name: self.name,
            version: self.version,
            routes: Box::new(routes),
        }
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A service that serves.
struct Running {
    address: SocketAddr,
    context: Context,
    server: Server,
    keeper: keeper::Handle,
}

impl Running {
    /// The end, in the order that loses no request: leave rotation and wait until nobody routes here, stop accepting
    /// and finish what runs, deregister, end the tasks. One deadline for all of it.
    async fn end(self) -> bool {
        let total = self.context.settings().drain;
        let deadline = Instant::now() + total;
        self.context.health().not_ready("service", "stopping");
        let session = self.keeper.stop().await;
        let key = self.context.instance();
        if let Some(session) = &session {
            leave_rotation(session, key, total.saturating_sub(RESERVE.min(total / 2))).await;
        }
        let clean = self
            .server
            .stop(deadline.saturating_duration_since(Instant::now()))
            .await;
        if let Some(session) = session {
            let left = deadline.saturating_duration_since(Instant::now()).max(LAST_WORD);
            tokio::select! {
                told = session.deregister(key.clone(), left) => tracing::info!(told, "deregistered"),
                // The registration then runs out with its time to live.
                () = cut_off(&session, LAST_WORD) => {}
            }
        }
        let report = self.context.tasks().drain(Duration::from_secs(1)).await;
        tracing::info!(clean, aborted = ?report.aborted, "stopped");
        clean
    }
}

/// Waits until nobody routes here any more. Cut off from the control plane nobody can be told, and waiting would not
/// help: whoever still comes finds the port closed and goes elsewhere.
async fn leave_rotation(session: &Session, key: &InstanceKey, deadline: Duration) {
    tokio::select! {
        outcome = session.drain(key.clone(), deadline) => {
            tracing::info!(complete = outcome.complete, outstanding = outcome.outstanding, "out of rotation");
        }
        () = cut_off(session, CUT_OFF) => tracing::warn!("the control plane cannot be reached; nobody was told of the end"),
    }
}

/// Waits until the control plane has been out of reach for so long.
async fn cut_off(session: &Session, patience: Duration) {
    let mut status = session.status();
    let away =
        |status: &SessionStatus| matches!(status, SessionStatus::Connecting | SessionStatus::Reconnecting { .. });
    // An error says that the session's task has ended, which is as good as cut off.
    while status.wait_for(|status| away(status)).await.is_ok() {
        match timeout(patience, status.wait_for(|status| !away(status))).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// Opens session and subscription; without a control plane in the settings there are none.
fn connect(context: &Context, clock: Clock) -> Result<Option<Session>, Error> {
    let settings = context.settings();
    if settings.servers.is_empty() {
        context.health().ready_but(
            "control plane",
            "none in the settings; set NINES_SERVER to be registered",
        );
        return Ok(None);
    }
    let client = format!("{} (sdk {})", context.instance(), env!("CARGO_PKG_VERSION"));
    let session = Session::start(
        SessionConfig {
            servers: settings.servers.clone(),
            client: client.clone(),
            ttl: DEFAULT_TTL,
        },
        context.tasks(),
    )?;
    let subscription = Subscription::start(
        SubscriptionConfig {
            servers: settings.servers.clone(),
            subscriber: client,
            labels: settings.labels.clone(),
            cache: settings.data_dir.as_ref().map(|folder| folder.join("catalog")),
        },
        context.follow().interest(),
        context.tasks(),
        clock,
    )?;
    context
        .tasks()
        .spawn("follow", context.follow().clone().run(subscription));
    Ok(Some(session))
}

fn bind_error(settings: &Settings, source: std::io::Error) -> Error {
    Error::Bind {
        address: settings.listen,
        source,
    }
}

/// Without settings there is no log yet; the error that follows must be seen.
fn log_for_the_error() {
    drop(nines_runtime::log::init(nines_runtime::log::Format::Human, "info"));
}

#[cfg(test)]
mod tests;

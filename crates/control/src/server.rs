//! The server: REST and gRPC on one port, over the store, with health and metrics beside them.

mod accept;
mod origin;
mod system;
#[cfg(test)]
mod tests;
mod trouble;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use nines_base::Clock;
use nines_runtime::{Health, Tasks};
use nines_store::{Backend, Embedded, History, Store};
use nines_wire::proto::hub_server::HubServer;
use nines_wire::proto::registry_server::RegistryServer;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::TcpListener;

use crate::api::{self, AppState};
use crate::config::Configs;
use crate::error::{Error, Result};
use crate::hub::{self, Hub};
use crate::mirror::{Follow, Mirror, RECENT_SUBJECTS};
use crate::registry::Registry;
use crate::registry::reaper::Reaper;
use crate::resource::Resources;
use crate::session::{self, Sessions};
use origin::Guard;

/// How long a start waits for the state.
const FILL: Duration = Duration::from_secs(60);

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Names, beside `localhost` and IP addresses, by which browsers may address the server, and programs too if it
    /// listens on loopback. Programs reach any other address by any name.
    pub host_names: Vec<String>,
    /// Where the embedded store lies.
    pub data_dir: PathBuf,
    pub hub: hub::Config,
    pub sessions: session::Config,
    /// Open connections, at most.
    pub max_connections: usize,
    /// Time for a connection's first request, and for the head of every later one.
    pub request_timeout: Duration,
    /// Registrations found without liveness at the start are left alone for so long.
    pub grace: Duration,
    /// Changes remembered for subscribers that come back.
    pub recent: usize,
}

/// What a server takes from its process.
#[derive(Debug, Clone)]
pub struct Process {
    pub clock: Clock,
    pub health: Health,
    pub metrics: nines_runtime::Registry,
    pub tasks: Tasks,
}

/// A server that listens, and serves once it is run.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    config: Config,
    process: Process,
    router: Router,
    registry: Registry,
    hub: Hub,
}

impl Config {
    /// The defaults, for an address and a data directory.
    pub fn new(listen: SocketAddr, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen,
            host_names: Vec::new(),
            data_dir: data_dir.into(),
            hub: hub::Config::default(),
            sessions: session::Config::default(),
            max_connections: 100_000,
            request_timeout: Duration::from_secs(10),
            grace: session::DEFAULT_TTL,
            recent: RECENT_SUBJECTS,
        }
    }
}

impl Server {
    /// Takes the port, opens the store and starts to follow it. The port first: whoever starts a second server by
    /// mistake is told of the port and not of the store's lock.
    pub async fn bind(config: Config, process: Process) -> Result<Self> {
        let listen = |error: std::io::Error| Error::Listen {
            address: config.listen,
            reason: reason(&error),
        };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let store = open(&config, &process).await?;
        let history = store.status().await?.history;
        let parts = Parts::start(&config, &process, store, history);
        filled(parts.registry.mirror()).await?;
        let guard = Guard::new(&config.host_names, address);
        Ok(Self {
            listener,
            address,
            router: parts.router(&process, guard),
            registry: parts.registry,
            hub: parts.hub,
            config,
            process,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The registry, for calls from within the process.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The hub, for those who want to see who subscribes.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Serves until the process's tasks are told to stop, then stops taking connections. The open ones are tasks
    /// of the process and end within its drain: streams are told, requests that run are answered.
    pub async fn serve(self) -> Result<()> {
        accept::run(self.listener, self.router, &self.config, &self.process.tasks).await;
        Ok(())
    }
}

/// The parts of the control plane, wired.
struct Parts {
    state: AppState,
    sessions: Sessions,
    registry: Registry,
    hub: Hub,
}

impl Parts {
    fn start(config: &Config, process: &Process, store: Backend, history: History) -> Self {
        let (clock, tasks) = (process.clock.clone(), process.tasks.clone());
        let mirror = Mirror::new();
        let registry = Registry::new(store.clone(), mirror.clone());
        let numbers = Numbers::register(&process.metrics);
        let hub = Hub::new(
            config.hub,
            mirror.clone(),
            history,
            clock.clone(),
            tasks.clone(),
            numbers.hub,
        );
        let sessions = Sessions::new(session::Parts {
            config: config.sessions,
            store: store.clone(),
            registry: registry.clone(),
            hub: hub.clone(),
            tasks: tasks.clone(),
            open: numbers.sessions,
        });
        let follow = Follow {
            mirror: mirror.clone(),
            store: store.clone(),
            clock: clock.clone(),
            health: process.health.clone(),
            grace: config.grace,
            recent: config.recent,
        };
        let reaper = Reaper {
            store: store.clone(),
            mirror: mirror.clone(),
            clock: clock.clone(),
            expired: numbers.expired,
        };
        until_stop(&tasks, "mirror", follow.run());
        let trouble = trouble::follow(store.trouble(), process.health.clone());
        until_stop(&tasks, "store-trouble", trouble);
        until_stop(&tasks, "reaper", reaper.run());
        until_stop(&tasks, "hub-receipts", hub.clone().measure());
        let state = AppState::new(api::Parts {
            registry: registry.clone(),
            configs: Arc::new(Configs::new(store.clone(), clock.clone())),
            resources: Arc::new(Resources::new(store.clone(), mirror.clone())),
            mirror,
            hub: hub.clone(),
            store,
            clock,
            stopping: tasks.stopping(),
        });
        Self {
            state,
            sessions,
            registry,
            hub,
        }
    }

    /// A path tells gRPC from REST; an unknown gRPC service gets the API's 404, which a gRPC client reads as
    /// unimplemented.
    fn router(&self, process: &Process, guard: Guard) -> Router {
        let registry = RegistryServer::new(session::Grpc(self.sessions.clone()));
        let hub = HubServer::new(hub::Grpc(self.hub.clone()));
        api::router(self.state.clone())
            .route_service("/nines.v1.Registry/{*rest}", registry)
            .route_service("/nines.v1.Hub/{*rest}", hub)
            .merge(system::router(process))
            .layer(middleware::from_fn_with_state(guard, origin::refuse_other_pages))
    }
}

/// The numbers of the parts.
struct Numbers {
    hub: hub::Metrics,
    sessions: Gauge,
    expired: Counter,
}

impl Numbers {
    fn register(registry: &nines_runtime::Registry) -> Self {
        let numbers = Self {
            hub: hub::Metrics::default(),
            sessions: Gauge::default(),
            expired: Counter::default(),
        };
        registry.register("nines_hub", |r| numbers.hub.register(r));
        registry.register("nines_registry", |r| {
            r.register("sessions", "Open session streams", numbers.sessions.clone());
            r.register(
                "expired",
                "Registrations removed after their lease ended",
                numbers.expired.clone(),
            );
        });
        numbers
    }
}

/// Opening reads the whole state, so it runs where blocking is allowed.
async fn open(config: &Config, process: &Process) -> Result<Backend> {
    let setup = nines_store::Config {
        clock: process.clock.clone(),
        ..nines_store::Config::default()
    };
    process.metrics.register("nines_store", |r| setup.metrics.register(r));
    let dir = config.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || Embedded::open(&dir, setup)).await;
    let opened = opened.map_err(|error| Error::Internal(format!("the store did not open: {error}")))?;
    Ok(opened?.into())
}

/// Nobody is served from a mirror that is still empty: it would look as if everything had gone.
async fn filled(mirror: &Mirror) -> Result<()> {
    let late = |_| Error::Unavailable("the store did not give its state in time; look at the log for why".into());
    tokio::time::timeout(FILL, mirror.filled()).await.map_err(late)
}

/// Runs a part that never ends by itself. Without it the server is of no use, so its end ends the process.
fn until_stop(tasks: &Tasks, name: &'static str, run: impl Future<Output = ()> + Send + 'static) {
    let stopping = tasks.stopping();
    tasks.spawn_vital(name, async move {
        tokio::select! {
            () = run => {}
            () = stopping.cancelled() => {}
        }
    });
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "the port is taken; stop who has it or choose another --listen".into(),
        std::io::ErrorKind::PermissionDenied => "this port needs privileges; choose one from 1024 on".into(),
        _ => error.to_string(),
    }
}

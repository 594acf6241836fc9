//! The data plane as one object: start it, ask where it listens, shut it down.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use nines_base::Clock;
use nines_runtime::{Health, Registry, Tasks};

use crate::access::Writer;
use crate::admin::{self, Pages};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::publisher::Publisher;
use crate::worker::{Command, Handle, Parts};
use crate::{Error, Source};

/// Beyond the deadline, so much time for the threads to notice.
const AFTER_DEADLINE: Duration = Duration::from_secs(1);

/// A running data plane.
#[derive(Debug)]
pub struct Proxy {
    admin: SocketAddr,
    publisher: Publisher,
    health: Health,
    registry: Registry,
    metrics: Metrics,
    tasks: Tasks,
    workers: Vec<Handle>,
    log: Writer,
}

/// How a shutdown went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainReport {
    /// Connections that the deadline cut off.
    pub aborted: u64,
}

impl Proxy {
    /// Starts the workers, the admin pages and the source. With files as source everything is in force when this
    /// returns, or the error says what is wrong; with the control plane it comes into force as it arrives, and `/readyz`
    /// tells how far it is.
    pub async fn start(config: Config, source: Source, clock: Clock) -> Result<Self, Error> {
        config.validate().map_err(Error::Config)?;
        let count = config.workers.or_else(|| std::thread::available_parallelism().ok());
        let count = count.map_or(1, NonZeroUsize::get);
        let (metrics, registry, health) = (Metrics::new(count), Registry::new(), Health::new());
        metrics.register(&registry);
        let log = Writer::start(&config.access_log)?;
        let config = Arc::new(config);
        let part = |index| Parts {
            index,
            config: config.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            log: log.lines(),
        };
        let workers: Vec<Handle> = (0..count).map(|i| Handle::start(part(i))).collect::<Result<_, _>>()?;
        let commands = workers.iter().map(Handle::commands).collect();
        let tasks = Tasks::new();
        let publisher = Publisher::new(clock.clone(), metrics.clone(), health.clone(), commands);
        let mut proxy = Self {
            admin: config.admin.address,
            publisher,
            health,
            registry,
            metrics,
            tasks,
            workers,
            log,
        };
        match proxy.open(source, clock).await {
            Ok(()) => Ok(proxy),
            Err(error) => {
                proxy.shutdown(Duration::ZERO).await;
                Err(error)
            }
        }
    }

    async fn open(&mut self, source: Source, clock: Clock) -> Result<(), Error> {
        let pages = Pages {
            registry: self.registry.clone(),
            health: self.health.clone(),
            publisher: self.publisher.clone(),
        };
        self.admin = admin::start(self.admin, pages, &self.tasks).await?;
        source.start(&self.publisher, &self.health, clock, &self.tasks).await
    }

    /// Where the admin pages are.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin
    }

    /// The open listeners, `namespace/gateway/listener`, with the ports they really have.
    pub fn listener_addrs(&self) -> Vec<(String, SocketAddr)> {
        self.publisher.listeners()
    }

    /// The conditions that `/readyz` shows.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The registry that `/metrics` shows, for more metrics of the same process.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Client connections open now.
    pub fn connections(&self) -> u64 {
        self.metrics.connections()
    }

    /// Stops accepting, lets every request come to its end and closes its connection, and after the deadline cuts off
    /// what is left.
    pub async fn shutdown(self, deadline: Duration) -> DrainReport {
        self.health.not_ready("serving", "draining");
        for worker in &self.workers {
            worker.send(Command::Drain(deadline));
        }
        let workers = self.workers;
        let log = self.log;
        let ended = tokio::task::spawn_blocking(move || {
            let aborted = workers.into_iter().map(Handle::join).sum();
            log.finish();
            aborted
        });
        let aborted = match tokio::time::timeout(deadline + AFTER_DEADLINE, ended).await {
            Ok(Ok(aborted)) => aborted,
            Ok(Err(_)) | Err(_) => {
                tracing::error!("a worker did not end in time");
                self.metrics.connections()
            }
        };
        let tasks = self.tasks.drain(AFTER_DEADLINE).await;
        for (name, count) in tasks.aborted {
            tracing::warn!(name, count, "a task did not end in time");
        }
        DrainReport { aborted }
    }
}

//! A worker: one thread, one runtime, and everything its requests need.

mod buffer;
mod housekeeping;
mod pool;
mod tables;
mod timer;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use nines_base::{Clock, Rng};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot};

use crate::access::Lines;
use crate::config::Config;
use crate::exchange::Scratch;
use crate::listener::SocketId;
use crate::live::Live;
use crate::metrics::{Metrics, Shard};
use crate::snapshot::Snapshot;
use crate::{Error, accept, h1, request_id};

pub(crate) use buffer::{Buffer, Buffers, LARGE};
pub(crate) use housekeeping::DateCache;
pub(crate) use pool::{Origin, Pool, Upstream};
pub(crate) use tables::{RuleState, Tables};
pub(crate) use timer::{Alarm, Timers};

/// On a drain, a connection that has waited this long for a request is closed; a shorter wait means that the next
/// request may be on its way.
pub(crate) const DRAIN_IDLE: Duration = Duration::from_secs(1);

const SCRATCH_KEPT: usize = 64;

/// What a worker's requests share. Lives on the worker's thread only.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) config: Arc<Config>,
    pub(crate) h1_limits: h1::Limits,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) timers: Rc<Timers>,
    pub(crate) buffers: Rc<Buffers>,
    pub(crate) pool: Pool,
    pub(crate) tables: Tables,
    pub(crate) rng: RefCell<Rng>,
    /// Memory for heads, last in, first out.
    #[expect(clippy::vec_box, reason = "it is moved out and in for every exchange and is large")]
    scratch: RefCell<Vec<Box<Scratch>>>,
    pub(crate) request_ids: request_id::Generator,
    pub(crate) log: Lines,
    pub(crate) date: DateCache,
    pub(crate) live: RefCell<Rc<Live>>,
    pub(crate) draining: Cell<bool>,
    /// Told whenever a connection ends.
    pub(crate) connection_ended: Notify,
    listening: RefCell<HashMap<SocketId, Rc<accept::Gate>>>,
}

/// What a worker is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Serve by this snapshot from now on, then say so.
    Publish(Arc<Snapshot>, oneshot::Sender<()>),
    Listen(SocketId, TcpListener),
    Unlisten(SocketId),
    /// Finish what there is and end; after the deadline end anyway.
    Drain(Duration),
}

/// The handle to a running worker.
#[derive(Debug)]
pub(crate) struct Handle {
    commands: Commands,
    thread: JoinHandle<u64>,
}

/// The way to a worker.
#[derive(Debug, Clone)]
pub(crate) struct Commands(UnboundedSender<Command>);

/// What a worker is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) index: usize,
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) log: Lines,
}

impl Handle {
    /// Starts a worker's thread. It serves nothing until told.
    pub(crate) fn start(parts: Parts) -> Result<Self, Error> {
        let (sender, receiver) = unbounded_channel();
        let runtime = Builder::new_current_thread;
        let thread = std::thread::Builder::new()
            .name(format!("worker-{}", parts.index))
            .spawn(
                move || match runtime().enable_all().build_local(LocalOptions::default()) {
                    Ok(runtime) => runtime.block_on(run(parts, receiver)),
                    Err(error) => {
                        tracing::error!(%error, "a worker has no runtime");
                        0
                    }
                },
            )
            .map_err(Error::Thread)?;
        Ok(Self {
            commands: Commands(sender),
            thread,
        })
    }

    /// The way to it.
    pub(crate) fn commands(&self) -> Commands {
        self.commands.clone()
    }

    pub(crate) fn send(&self, command: Command) {
        self.commands.send(command);
    }

    /// Waits for the worker's end; gives the number of requests it cut off. Blocks.
    pub(crate) fn join(self) -> u64 {
        self.thread.join().unwrap_or_else(|_| {
            tracing::error!("a worker panicked");
            0
        })
    }
}

impl Commands {
    /// Asks the worker to do something. A worker that has ended does not hear it.
    pub(crate) fn send(&self, command: Command) {
        if self.0.send(command).is_err() {
            tracing::debug!("a worker has ended already");
        }
    }
}

impl Worker {
    fn new(parts: Parts) -> Self {
        let mut rng = Rng::from_entropy();
        Self {
            pool: Pool::new(parts.index, parts.metrics.clone(), parts.config.limits.idle_upstreams),
            tables: Tables::new(parts.index, parts.metrics.clone(), &mut rng),
            scratch: RefCell::default(),
            request_ids: request_id::Generator::new(&mut rng),
            date: DateCache::new(parts.clock.wall()),
            index: parts.index,
            h1_limits: h1::Limits {
                max_head: parts.config.limits.head_bytes,
                max_headers: parts.config.limits.headers,
                ..h1::Limits::default()
            },
            config: parts.config,
            clock: parts.clock,
            metrics: parts.metrics,
            timers: Rc::default(),
            buffers: Rc::default(),
            rng: RefCell::new(rng),
            log: parts.log,
            live: RefCell::default(),
            draining: Cell::new(false),
            connection_ended: Notify::new(),
            listening: RefCell::default(),
        }
    }

    /// This worker's counters.
    pub(crate) fn shard(&self) -> &Shard {
        self.metrics.worker(self.index)
    }

    /// The configuration in force; a request keeps what it began with.
    pub(crate) fn live(&self) -> Rc<Live> {
        self.live.borrow().clone()
    }

    /// Connections of this worker.
    pub(crate) fn connections(&self) -> u64 {
        self.shard().connections_opened.get() - self.shard().connections_closed.get()
    }

    /// Memory for the heads of one exchange.
    pub(crate) fn take_scratch(&self) -> Box<Scratch> {
        self.scratch.borrow_mut().pop().unwrap_or_default()
    }

    /// Keeps it for the next exchange, unless it has grown or there is enough of it.
    pub(crate) fn give_scratch(&self, scratch: Box<Scratch>) {
        let mut kept = self.scratch.borrow_mut();
        if kept.len() < SCRATCH_KEPT && scratch.is_small() {
            kept.push(scratch);
        }
    }

    fn publish(&self, snapshot: &Snapshot) {
        self.tables.sweep(snapshot.upstreams.values());
        let live = Rc::new(Live::new(snapshot));
        for (id, gate) in self.listening.borrow().iter() {
            gate.set_place(live.place(id), &live);
        }
        self.live.replace(live);
    }

    fn listen(self: &Rc<Self>, id: SocketId, socket: TcpListener) {
        match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => {
                let live = self.live();
                let gate = Rc::new(accept::Gate::new());
                gate.set_place(live.place(&id), &live);
                self.listening.borrow_mut().insert(id, gate.clone());
                tokio::task::spawn_local(accept::run(socket, gate, self.clone()));
            }
            Err(error) => tracing::error!(%error, "a worker cannot use its listening socket"),
        }
    }

    fn unlisten(&self, id: &SocketId) {
        if let Some(gate) = self.listening.borrow_mut().remove(id) {
            gate.close();
        }
    }
}

async fn run(parts: Parts, mut commands: UnboundedReceiver<Command>) -> u64 {
    let worker = Rc::new(Worker::new(parts));
    tokio::task::spawn_local(timer::run(worker.timers.clone(), worker.clock.clone()));
    tokio::task::spawn_local(housekeeping::run(worker.clone()));
    while let Some(command) = commands.recv().await {
        match command {
            Command::Publish(snapshot, done) => {
                worker.publish(&snapshot);
                // Whoever published may have given up waiting.
                let _heard = done.send(());
            }
            Command::Listen(id, socket) => worker.listen(id, socket),
            Command::Unlisten(id) => worker.unlisten(&id),
            Command::Drain(deadline) => return drain(&worker, deadline).await,
        }
    }
    drain(&worker, Duration::ZERO).await
}

/// Accepts what was queued, then nothing; lets every connection come to its end; cuts off what is left.
async fn drain(worker: &Rc<Worker>, deadline: Duration) -> u64 {
    worker.draining.set(true);
    let gates: Vec<_> = worker.listening.borrow_mut().drain().map(|(_, gate)| gate).collect();
    for gate in gates {
        gate.close();
        gate.closed().await;
    }
    worker.timers.shorten_idle(DRAIN_IDLE);
    let all_ended = async {
        while worker.connections() > 0 {
            worker.connection_ended.notified().await;
        }
    };
    let in_time = tokio::time::timeout(deadline, all_ended).await.is_ok();
    let left = if in_time { 0 } else { worker.connections() };
    worker.shard().aborted.add(left);
    worker.shard().log_dropped.add(worker.log.finish());
    left
}

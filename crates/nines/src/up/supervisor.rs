//! The stack as a whole: its processes start in order of need and stop in order of traffic.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use nines_base::Clock;
use nines_runtime::Tasks;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Error;
use super::board::{Board, Row, State};
use super::guardian::Guardian;
use super::keeper::{Context, Keeper};
use super::plan::Plan;
use super::program::{Program, log_tail};

/// The running stack.
pub(crate) struct Supervisor {
    tasks: Tasks,
    context: Context,
    control: Stage,
    gateway: Stage,
    services: Stage,
    processes: usize,
}

/// Processes that stop together.
struct Stage {
    stop: CancellationToken,
    keepers: Vec<JoinHandle<Option<()>>>,
}

impl Stage {
    fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            keepers: Vec::new(),
        }
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        for keeper in self.keepers.drain(..) {
            if keeper.await.is_err() {
                tracing::error!("a keeper was lost");
            }
        }
    }
}

impl Supervisor {
    pub(crate) fn new(tasks: Tasks, clock: Clock, nines: std::path::PathBuf) -> Result<Self, Error> {
        let guardian = Guardian::start(&nines).map_err(|error| Error::Other(error.into()))?;
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .no_proxy()
            .build();
        let http = http.map_err(|error| Error::Other(error.into()))?;
        let context = Context {
            board: Board::new(),
            clock,
            supervisor: nines,
            guardian: Arc::new(guardian),
            http,
            at_once: CancellationToken::new(),
        };
        Ok(Self {
            tasks,
            context,
            control: Stage::new(),
            gateway: Stage::new(),
            services: Stage::new(),
            processes: 0,
        })
    }

    pub(crate) fn board(&self) -> Board {
        self.context.board.clone()
    }

    /// Starts the control plane and waits until it answers; should it end before, that is an error and not a loop.
    pub(crate) async fn start_control(&mut self, plan: &Plan) -> Result<(), Error> {
        for program in plan.programs.iter().filter(|program| program.name == "control") {
            self.keep(program);
            self.first_start(program).await?;
        }
        Ok(())
    }

    /// Starts the gateway and the services; each waits by itself for what it depends on.
    pub(crate) fn start_rest(&mut self, plan: &Plan) {
        for program in plan.programs.iter().filter(|program| program.name != "control") {
            self.keep(program);
        }
    }

    /// Waits until every process is ready or has done its work; for ever if no patience is given.
    pub(crate) async fn until_ready(&self, patience: Option<Duration>) -> Result<(), Error> {
        let started = self.processes;
        let all = |rows: &BTreeMap<String, Row>| rows.len() == started && rows.values().all(|row| row.state.is_well());
        let all_ready = self.context.board.until(all);
        let Some(patience) = patience else {
            all_ready.await;
            return Ok(());
        };
        tokio::time::timeout(patience, all_ready)
            .await
            .map_err(|_| Error::NotReady(patience))
    }

    /// Cancelled, [`Supervisor::stop`] waits for nobody any longer.
    pub(crate) fn at_once(&self) -> CancellationToken {
        self.context.at_once.clone()
    }

    /// The gateway first, so that no new request comes in; then the services, which drain through the control plane;
    /// the control plane last.
    pub(crate) async fn stop(&mut self) {
        self.gateway.stop().await;
        self.services.stop().await;
        self.control.stop().await;
    }

    fn keep(&mut self, program: &Program) {
        let stage = match program.name.as_str() {
            "control" => &mut self.control,
            "gateway" => &mut self.gateway,
            _ => &mut self.services,
        };
        let keeper = Keeper::new(program.clone(), self.context.clone(), stage.stop.clone());
        self.processes += 1;
        stage.keepers.push(self.tasks.spawn("keeper", keeper.keep()));
    }

    fn first_start(&self, program: &Program) -> impl Future<Output = Result<(), Error>> {
        let (board, program) = (self.board(), program.clone());
        async move {
            let settled = [State::Ready, State::Backoff, State::CrashLoop, State::Ended];
            let name = &program.name;
            board
                .until(|rows| rows.get(name).is_some_and(|row| settled.contains(&row.state)))
                .await;
            match board.rows().remove(name) {
                Some(row) if row.state == State::Ready => Ok(()),
                row => Err(Error::NotStarted {
                    process: program.name,
                    why: row.and_then(|row| row.note).unwrap_or_default(),
                    tail: log_tail(&program.log, 10),
                    log: program.log,
                }),
            }
        }
    }
}

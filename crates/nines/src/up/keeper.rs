//! Keeps one program running: waits for what it needs, starts it, watches it become ready, starts it again when it
//! ends, stops it when told. One function for each state.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use nines_base::Clock;
use tokio_util::sync::CancellationToken;

use super::board::{Board, Row, State};
use super::guardian::Guardian;
use super::life::{Life, Next};
use super::program::{Program, Running};

/// How often a starting program is asked whether it is ready.
const READY_INTERVAL: Duration = Duration::from_millis(50);

/// What a keeper needs from its stack.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) board: Board,
    pub(crate) clock: Clock,
    /// The `nines` binary, which starts the programs.
    pub(crate) supervisor: PathBuf,
    pub(crate) guardian: Arc<Guardian>,
    pub(crate) http: reqwest::Client,
    /// Nobody waits any longer for programs that are stopping.
    pub(crate) at_once: CancellationToken,
}

/// One kept program.
pub(crate) struct Keeper {
    program: Program,
    context: Context,
    life: Life,
    stop: CancellationToken,
}

/// How a time of running ended.
enum End {
    Stopped,
    Exited(String, bool),
}

impl Keeper {
    pub(crate) fn new(program: Program, context: Context, stop: CancellationToken) -> Self {
        let life = Life::new(program.restart);
        Self {
            program,
            context,
            life,
            stop,
        }
    }

    /// Runs until told to stop or until the restart policy lets the program rest. Only the first start waits for what
    /// the program depends on: it has to do without while that is down, and so it may start without, too.
    pub(crate) async fn keep(mut self) {
        self.show(State::Waiting, None, self.waiting_for());
        tokio::select! {
            () = self.context.board.until_ready(&self.program.depends_on) => {}
            () = self.stop.cancelled() => return self.show(State::Ended, None, None),
        }
        loop {
            let (why, success) = match self.run_once().await {
                End::Stopped => return self.show(State::Ended, None, None),
                End::Exited(why, success) => (why, success),
            };
            if !self.rest(why, success).await {
                return;
            }
        }
    }

    /// One life of the process, from start to end. Whatever it leaves behind in its group ends with it.
    async fn run_once(&mut self) -> End {
        let mut running = match self.program.start(&self.context.supervisor) {
            Ok(running) => running,
            Err(error) => return End::Exited(format!("cannot start: {error}"), false),
        };
        self.context.guardian.watch(running.pid, self.program.stop_timeout);
        let end = self.live(&mut running).await;
        running.kill().await;
        self.context.guardian.forget(running.pid);
        end
    }

    async fn live(&mut self, running: &mut Running) -> End {
        self.show(State::Starting, Some(running), None);
        let ready = tokio::time::timeout(self.program.ready_timeout, self.until_ready(running.port));
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return self.stop(running).await,
            status = running.ended() => return exited(status),
            ready = ready => if ready.is_err() {
                self.terminate(running).await;
                return End::Exited(format!("not ready within {:?}", self.program.ready_timeout), false);
            },
        }
        self.life.ready(self.context.clock.now());
        self.show(State::Ready, Some(running), None);
        tokio::select! {
            () = self.stop.cancelled() => self.stop(running).await,
            status = running.ended() => exited(status),
        }
    }

    /// The wait before the next start; false when there is none.
    async fn rest(&mut self, why: String, success: bool) -> bool {
        let Next::Restart { after, crash_loop } = self.life.ended(success, self.context.clock.now()) else {
            self.show(if success { State::Done } else { State::Ended }, None, Some(why));
            return false;
        };
        let state = if crash_loop { State::CrashLoop } else { State::Backoff };
        self.show(
            state,
            None,
            Some(format!(
                "{why}; again in {after:?}; log: {}",
                self.program.log.display()
            )),
        );
        tokio::select! {
            () = tokio::time::sleep(after) => true,
            () = self.stop.cancelled() => {
                self.show(State::Ended, None, None);
                false
            }
        }
    }

    async fn stop(&self, running: &mut Running) -> End {
        self.show(State::Stopping, Some(running), None);
        if !self.terminate(running).await {
            tracing::warn!(process = self.program.name, "did not stop in time and is killed");
        }
        End::Stopped
    }

    /// Asks the program to end; says whether it did so in time.
    async fn terminate(&self, running: &mut Running) -> bool {
        tokio::select! {
            in_time = running.terminate(self.program.stop_timeout) => in_time,
            () = self.context.at_once.cancelled() => false,
        }
    }

    async fn until_ready(&self, port: u16) {
        loop {
            if self.is_ready(port).await {
                return;
            }
            tokio::time::sleep(READY_INTERVAL).await;
        }
    }

    async fn is_ready(&self, port: u16) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match &self.program.ready_path {
            Some(path) => {
                let answer = self.context.http.get(format!("http://{address}{path}")).send().await;
                answer.is_ok_and(|response| response.status().is_success())
            }
            None => tokio::net::TcpStream::connect(address).await.is_ok(),
        }
    }

    fn waiting_for(&self) -> Option<String> {
        let needs = &self.program.depends_on;
        (!needs.is_empty()).then(|| format!("for {}", needs.join(", ")))
    }

    fn show(&self, state: State, running: Option<&Running>, note: Option<String>) {
        let row = Row {
            group: self.program.group.clone(),
            state,
            pid: running.map(|running| running.pid),
            port: running.map(|running| running.port),
            restarts: self.life.restarts,
            note,
        };
        self.context.board.set(&self.program.name, row);
    }
}

fn exited(status: std::io::Result<ExitStatus>) -> End {
    match status {
        Ok(status) => End::Exited(format!("ended ({status})"), status.success()),
        Err(error) => End::Exited(format!("lost: {error}"), false),
    }
}

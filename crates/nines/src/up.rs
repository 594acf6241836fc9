//! `nines up`: control plane, gateway and services of a stack as supervised processes, from one file.
//!
//! How it works: [`plan`] refuses what is wrong before anything starts; a [`keeper`] holds one process each; the
//! [`board`] shows their states to the table, to dependants and to the file `run/processes.json`; the [`supervisor`]
//! orders start and stop; the [`guardian`] ends what is left should `nines up` be killed. Knows the parts of Nines only
//! as commands and REST calls.

mod board;
mod check;
mod error;
mod gateway;
mod group;
pub(crate) mod guardian;
mod keeper;
mod life;
mod logs;
mod plan;
mod program;
mod seed;
mod stack;
mod supervisor;
mod table;

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nines_base::Clock;
use nines_runtime::Tasks;
use nines_runtime::signal::Termination;
use nix::fcntl::{Flock, FlockArg};

use board::Board;
pub(crate) use error::Error;
use plan::{Layout, Plan};
use supervisor::Supervisor;

/// How long a stack may take to become ready for its checks.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// What the table and the list of processes may take to write their last state.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What to run.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) stack: PathBuf,
    pub(crate) data_dir: PathBuf,
    /// Start, send the stack's checks through the gateway, stop.
    pub(crate) check: bool,
}

/// Runs the stack until a signal, or until its checks are done.
pub(crate) async fn run(options: &Options) -> Result<(), Error> {
    let layout = Layout {
        data_dir: options.data_dir.clone(),
    };
    let nines = std::env::current_exe().map_err(|error| Error::Other(error.into()))?;
    let _lock = prepare(&layout)?;
    let plan = Plan::make(&options.stack, &layout, &nines)?;
    let mut termination = Termination::listen_in_terminal().map_err(|error| Error::Other(error.into()))?;
    let tasks = Tasks::new();
    let mut supervisor = Supervisor::new(tasks.clone(), Clock::system(), nines)?;
    let board = supervisor.board();
    tasks.spawn("table", table::show(board.clone()));
    tasks.spawn("logs", logs::keep_small(plan.logs(&layout), board.clone()));
    tasks.spawn(
        "process list",
        write_processes(supervisor.board(), layout.data_dir.join("run/processes.json")),
    );

    let outcome = tokio::select! {
        outcome = live(&mut supervisor, &plan, options.check) => outcome,
        never = seed::again(&plan, &board) => match never {},
        signal = termination.received() => {
            board.say(&format!("{signal}: draining; once more to stop at once"));
            Ok(())
        }
    };
    let cut_off = stop(&mut supervisor, &mut termination).await;
    tasks.drain(LAST_WORDS).await;
    match cut_off {
        Some(signal) => outcome.and(Err(Error::CutOff(signal))),
        None => outcome,
    }
}

/// Drains; a signal in the meantime, whose name it gives, ends everything at once.
async fn stop(supervisor: &mut Supervisor, termination: &mut Termination) -> Option<&'static str> {
    let (board, at_once) = (supervisor.board(), supervisor.at_once());
    let mut drained = std::pin::pin!(supervisor.stop());
    tokio::select! {
        () = &mut drained => None,
        signal = termination.received() => {
            board.say(&format!("{signal}: stopping at once"));
            at_once.cancel();
            drained.await;
            Some(signal)
        }
    }
}

/// The stack's life between start and stop.
async fn live(supervisor: &mut Supervisor, plan: &Plan, check: bool) -> Result<(), Error> {
    supervisor.start_control(plan).await?;
    seed::run(plan).await?;
    supervisor.start_rest(plan);
    if check {
        supervisor.until_ready(Some(READY_WITHIN)).await?;
        gateway::until_caught_up(plan.admin, plan.control).await?;
        return check::run(plan, &supervisor.board()).await;
    }
    supervisor.until_ready(None).await?;
    gateway::until_caught_up(plan.admin, plan.control).await?;
    supervisor.board().say(&up_line(plan).await?);
    std::future::pending().await
}

/// `shop is up: gateway http://127.0.0.1:8080, API http://127.0.0.1:9999; Ctrl-C drains it`.
async fn up_line(plan: &Plan) -> Result<String, Error> {
    let addresses = gateway::addresses(plan.admin).await?;
    let gateways: String = addresses
        .iter()
        .map(|address| format!("gateway http://{address}, "))
        .collect();
    Ok(format!(
        "{} is up: {gateways}API http://{}; Ctrl-C drains it",
        plan.stack.name, plan.control
    ))
}

/// Makes the folders and takes the lock that keeps a second `nines up` out.
fn prepare(layout: &Layout) -> Result<Flock<File>, Error> {
    let unwritable = |path: &Path, error: std::io::Error| Error::Unwritable {
        path: path.into(),
        reason: error.to_string(),
    };
    for folder in [layout.logs(), layout.data_dir.join("run")] {
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
    }
    let path = layout.data_dir.join("up.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| unwritable(&path, error))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| Error::Locked(layout.data_dir.clone()))
}

/// Keeps a file that tells scripts which process is which; replaced as a whole at each change.
async fn write_processes(board: Board, path: PathBuf) {
    let mut changes = board.changes();
    loop {
        changes.borrow_and_update();
        if let Err(error) = replace(&path, &board.rows()) {
            tracing::warn!(path = %path.display(), %error, "cannot write the list of processes");
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn replace(path: &Path, rows: &impl serde::Serialize) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, serde_json::to_vec_pretty(rows)?)?;
    std::fs::rename(fresh, path)
}

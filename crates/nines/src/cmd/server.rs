//! `nines server`: the life of a control plane on one screen.

use nines_base::{Clock, Kind};
use nines_control::server::Process;
use nines_control::{Config, Server};
use nines_runtime::signal::Termination;
use nines_runtime::{Health, Registry, Tasks};

use super::role;
use crate::cli::ServerArgs;
use crate::exit::Failure;

/// The store, logs, the listener.
const OTHER_FILES: usize = 100;

pub(crate) async fn run(args: ServerArgs) -> Result<(), Failure> {
    role::log(&args.log)?;
    let mut termination = Termination::listen()?;
    let process = Process {
        clock: Clock::system(),
        health: Health::new(),
        metrics: Registry::new(),
        tasks: Tasks::new(),
    };
    let tasks = process.tasks.clone();

    let data_dir = args.data_dir.clone();
    let mut config = Config::new(args.listen, args.data_dir);
    config.host_names = args.host_name;
    role::open_files(config.max_connections + OTHER_FILES);
    let server = Server::bind(config, process).await.map_err(|error| failure(&error))?;
    role::say(&format!(
        "nines server listening on http://{} (state in {})",
        server.local_addr(),
        data_dir.display()
    ))?;

    tokio::select! {
        served = server.serve() => served.map_err(|error| failure(&error))?,
        signal = termination.received() => tracing::info!(signal, "draining"),
    }
    let drained = tokio::select! {
        report = tasks.drain(args.drain) => report,
        signal = termination.received() => return Err(Failure::Refused(format!("{signal} while draining: stopped at once"))),
    };
    if drained.aborted.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "cut off after {:?}: {:?}",
        args.drain, drained.aborted
    )))
}

/// What the user can mend by another argument is wrong use.
fn failure(error: &nines_control::Error) -> Failure {
    match error.kind() {
        Kind::InvalidArgument | Kind::FailedPrecondition => Failure::Misuse(error.to_string()),
        _ => Failure::Refused(error.to_string()),
    }
}

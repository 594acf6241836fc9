//! What each command does.

mod guardian;
mod proxy;
mod role;
pub(crate) mod run_child;
mod server;
mod up;
mod verb;

use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{Cli, Command};
use crate::exit::{self, Failure};

/// What threads may take that still block once the command is done: on a pipe that nobody reads they would for ever.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs a command to its end.
pub(crate) fn run(cli: Cli) -> ExitCode {
    exit::report(dispatch(cli))
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Verb(verb) => block_on(verb::run(cli.global, verb)),
        Command::RunChild(child) => run_child::run(&child).map_err(|error| Failure::Misuse(format!("{error:#}"))),
        Command::Guardian => guardian::run(),
        Command::Up(args) => block_on(up::run(args)),
        Command::Server(args) => block_on_all_cores(server::run(args)),
        Command::Proxy(args) => block_on(proxy::run(cli.global, args)),
    }
}

/// The control plane serves many at once.
fn block_on_all_cores(role: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    run_on(tokio::runtime::Builder::new_multi_thread().enable_all().build(), role)
}

/// Verbs wait for one answer, `nines up` for its children, and a proxy's workers bring runtimes of their own: one thread
/// suffices.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    run_on(
        tokio::runtime::Builder::new_current_thread().enable_all().build(),
        command,
    )
}

fn run_on(
    runtime: std::io::Result<tokio::runtime::Runtime>,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let runtime = runtime.map_err(|error| Failure::Refused(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(LAST_WORDS);
    outcome
}

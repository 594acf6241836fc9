//! What each command does.

pub(crate) mod run_child;
mod up;
mod verb;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::exit::{self, Failure};

/// Runs a command to its end.
pub(crate) fn run(cli: Cli) -> ExitCode {
    exit::report(dispatch(cli))
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Verb(verb) => block_on(verb::run(cli.global, verb)),
        Command::RunChild(child) => run_child::run(&child).map_err(|error| Failure::Misuse(format!("{error:#}"))),
        Command::Up(args) => block_on(up::run(args)),
        Command::Server(_) | Command::Proxy(_) => Err(Failure::Refused("this build has no roles, only verbs".into())),
    }
}

/// Verbs wait for one answer, and `nines up` for its children: one thread suffices.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Refused(format!("cannot start: {error}")))?;
    runtime.block_on(command)
}

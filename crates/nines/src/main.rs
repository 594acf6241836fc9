//! The `nines` binary: every role and every verb. The only place that reads arguments and environment.

mod cli;
mod cmd;
mod exit;
mod input;
mod output;
mod up;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cmd::run(cli::Cli::read(std::env::args_os()).unwrap_or_else(|error| error.exit()))
}

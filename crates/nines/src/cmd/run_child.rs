//! `nines run-child --supervisor PID PROGRAM ARGS…` (hidden): becomes PROGRAM, having asked the kernel to stop it should
//! the supervisor die without being able to.
//!
//! A process of its own in between needs no `unsafe`: the request survives `exec`, and a fork hook does not exist in
//! safe Rust.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// The program and its arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct RunChild {
    /// The process that starts it
    #[arg(long, value_name = "PID")]
    supervisor: i32,
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

pub(crate) fn run(child: &RunChild) -> Result<()> {
    let (program, args) = child.command.split_first().context("no program given")?;
    set_pdeathsig(Signal::SIGTERM).context("cannot tie the process to its supervisor")?;
    // For a supervisor that died before that, the request came too late.
    anyhow::ensure!(getppid().as_raw() == child.supervisor, "the supervisor has ended");
    Err(Command::new(program).args(args).exec()).with_context(|| format!("cannot run {program}"))
}

//! Comparisons with other systems, side by side in one run: `cargo xtask bench <what>`.
//!
//! A claim about speed or memory lives here, as a ratio against a named system on the same machine in alternating
//! rounds, and never in a test.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its table and its progress"
)]

mod proxy;
mod resilience;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Compares Nines with other systems.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// CPU per request and memory per idle connection of the data plane, against HAProxy and nginx.
    Proxy(proxy::Options),
    /// Time and allocations per call of the resilience library, against governor, failsafe, recloser, tower and
    /// tower-resilience.
    Resilience(resilience::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().what {
        What::Proxy(options) => proxy::run(&options),
        What::Resilience(options) => resilience::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! Chores. CI runs what a person runs: `cargo xtask <chore>`.

#![expect(clippy::print_stderr, reason = "a chore tells what it runs")]

mod bench;
mod ci;
mod command;
mod test;
mod tidy;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of the Nines repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Build in release and run the example stack: `nines up examples/shop/stack.yaml`.
    Up {
        /// Passed on to `nines up`, for example --check.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run every test that needs nothing but this machine.
    Test {
        /// Passed on to the test runner, for example a test's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check what no linter knows: crate edges, file and function sizes, docs that name what exists.
    Tidy,
    /// Build the documentation with warnings as errors.
    Docs,
    /// Check licences, duplicates and sources of dependencies (needs cargo-deny).
    Deny,
    /// Everything CI runs: fmt, clippy, tidy, docs, tests.
    Ci,
    /// Measure side by side with other systems.
    Bench {
        /// Which comparison, and its options: `proxy --help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Up { args } => up::run(&args),
        Chore::Test { args } => test::run(&args),
        Chore::Tidy => tidy::run(),
        Chore::Docs => ci::docs(),
        Chore::Deny => ci::deny(),
        Chore::Ci => ci::run_all(),
        Chore::Bench { args } => bench::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

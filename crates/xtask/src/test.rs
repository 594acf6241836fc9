//! `cargo xtask test`: every test that needs nothing but this machine.

use anyhow::Result;

use crate::command::{cargo, has_cargo};

/// The end-to-end tests start the binaries, so these are built first. Documentation examples and the interleavings run
/// before the rest, so that the summary of all other tests stands last.
pub(crate) fn run_all() -> Result<()> {
    run_with(&[])
}

/// The models of the resilience cores, whose atomics the feature exchanges for loom's; no other test works with these.
const INTERLEAVINGS: &[&str] = &[
    "test",
    "--package",
    "nines-resilience",
    "--features",
    "loom",
    "--lib",
    "--locked",
    "--quiet",
    "--",
    "loom::",
];

pub(crate) fn run(args: &[String]) -> Result<()> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    run_with(&args)
}

fn run_with(args: &[&str]) -> Result<()> {
    run_command(&["build", "--workspace", "--bins", "--locked"])?;
    if args.is_empty() {
        run_command(&["test", "--workspace", "--doc", "--locked", "--quiet"])?;
        run_command(INTERLEAVINGS)?;
    }
    let runner: &[&str] = if has_cargo("nextest") {
        &["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]
    } else {
        eprintln!("cargo-nextest is not installed; using cargo test (slower, same tests)");
        &[
            "test",
            "--workspace",
            "--locked",
            "--no-fail-fast",
            "--lib",
            "--bins",
            "--tests",
        ]
    };
    run_command(&[runner, args].concat())
}

fn run_command(args: &[&str]) -> Result<()> {
    crate::command::run(&mut cargo(args))
}

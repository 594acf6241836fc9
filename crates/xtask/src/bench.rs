//! `cargo xtask bench …`: builds what is compared and hands over to the bench binary.

use std::process::Command;

use anyhow::Result;

use crate::command;

pub(crate) fn run(args: &[String]) -> Result<()> {
    command::run(&mut command::cargo(&[
        "build",
        "--release",
        "--package",
        "nines",
        "--package",
        "nines-bench",
    ]))?;
    let binaries = command::binaries("release")?;
    let mut bench = Command::new(binaries.join("nines-bench"));
    bench.args(args).current_dir(command::root());
    command::run(&mut bench)
}

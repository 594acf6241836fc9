//! `cargo xtask up`: the example stack, from source, in one command.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

pub(crate) fn run(args: &[String]) -> Result<()> {
    command::run(&mut command::cargo(&[
        "build",
        "--release",
        "--package",
        "nines",
        "--package",
        "shop",
    ]))?;
    let nines = command::binaries("release")?.join("nines");
    let mut up = Command::new(&nines);
    up.args(["up", "examples/shop/stack.yaml"])
        .args(args)
        .current_dir(command::root());
    eprintln!("$ nines up examples/shop/stack.yaml {}", args.join(" "));
    // Taking this process's place leaves nobody between the terminal's signals and the stack.
    Err(up.exec()).with_context(|| format!("cannot run {}", nines.display()))
}

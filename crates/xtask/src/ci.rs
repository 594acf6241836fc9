//! `cargo xtask ci`: what must pass before a change lands.

use anyhow::{Result, bail};

use crate::command::{cargo, has_cargo, run};
use crate::{test, tidy};

pub(crate) fn run_all() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ]))?;
    tidy::run()?;
    docs()?;
    test::run_all()
}

pub(crate) fn docs() -> Result<()> {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}

pub(crate) fn deny() -> Result<()> {
    if !has_cargo("deny") {
        bail!("cargo-deny is not installed; run `cargo install --locked cargo-deny` first");
    }
    run(&mut cargo(&["deny", "check", "licenses", "bans", "sources"]))
}

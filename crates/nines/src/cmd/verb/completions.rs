//! `nines completions`.

use clap::CommandFactory;

use super::Context;
use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Failure;

pub(super) fn run(context: &Context, args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "nines", &mut script);
    context.output.print(&String::from_utf8_lossy(&script))
}

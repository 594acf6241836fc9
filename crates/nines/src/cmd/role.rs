//! What the roles have in common.

use std::io::Write;

use nines_runtime::log::{self, Format};

use crate::cli::{LogArgs, LogFormat};
use crate::exit::Failure;

/// Sets logging up as the arguments say.
pub(crate) fn log(args: &LogArgs) -> Result<(), Failure> {
    let format = match args.format {
        LogFormat::Human => Format::Human,
        LogFormat::Json => Format::Json,
    };
    match log::init(format, &args.filter) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Misuse(error.to_string())),
    }
}

/// One line on standard output, there at once, for people and for scripts that wait for it.
pub(crate) fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

//! What the roles have in common.

use std::io::Write;

use nines_runtime::log::{self, Format};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

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

/// As many files as any role may need. A hard limit beyond it is left alone: `nines up` hands its limit on to programs, and
/// there are some that go through all numbers below it.
const ENOUGH_FILES: u64 = 1 << 20;

/// Raises the limit of open files as far as the system allows; the one that most shells hand on is far below. Says so if
/// it stays below what the role's own limits come to.
pub(crate) fn open_files(needed: usize) {
    let allowed = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = hard.min(ENOUGH_FILES).max(soft);
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
        Ok(wanted)
    });
    match allowed {
        Ok(allowed) if allowed < needed as u64 => tracing::warn!(
            allowed,
            needed,
            "fewer open files are allowed than there may be connections; raise the hard limit (ulimit -Hn, LimitNOFILE)"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

/// One line on standard output, there at once, for people and for scripts that wait for it.
pub(crate) fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

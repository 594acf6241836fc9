//! Process groups: a program with everything that it started and that did not leave it.

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Signals a whole group, named by the pid of its first process. Nothing left of it is the good case.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Err(error) = send(pid, Some(signal))
        && error != Errno::ESRCH
    {
        tracing::warn!(pid, %error, "cannot signal a process group");
    }
}

/// Whether anything of a group is left.
pub(crate) fn exists(pid: u32) -> bool {
    send(pid, None) != Err(Errno::ESRCH)
}

fn send(pid: u32, signal: Option<Signal>) -> nix::Result<()> {
    // 0 and 1 would name our own group and everybody.
    match i32::try_from(pid) {
        Ok(pid) if pid > 1 => killpg(Pid::from_raw(pid), signal),
        _ => Err(Errno::ESRCH),
    }
}

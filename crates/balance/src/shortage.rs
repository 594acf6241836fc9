//! What the caller itself lacks to open a connection.

use std::fmt;
use std::io::{self, ErrorKind};

// Numbers of POSIX errors for which the standard library has no kind.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOBUFS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
    105
} else {
    55
};

/// Why a connection could not be opened that no endpoint can do anything about. Its text says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// This process has as many files open as it may.
    Files,
    /// All processes of the machine together have.
    MachineFiles,
    /// The kernel has no memory for a socket.
    Memory,
    /// No local port is free for a connection to that endpoint, or no local address can reach it.
    Addresses,
}

impl Shortage {
    /// What was lacking, if that is why connecting failed.
    pub fn of(error: &io::Error) -> Option<Self> {
        match (error.raw_os_error(), error.kind()) {
            (Some(EMFILE), _) => Some(Shortage::Files),
            (Some(ENFILE), _) => Some(Shortage::MachineFiles),
            (Some(ENOBUFS), _) | (_, ErrorKind::OutOfMemory) => Some(Shortage::Memory),
            (_, ErrorKind::AddrNotAvailable) => Some(Shortage::Addresses),
            _ => None,
        }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shortage::Files => "too many open files in this process, raise its limit (ulimit -n)",
            Shortage::MachineFiles => "too many open files on this machine, raise its limit (sysctl fs.file-max)",
            Shortage::Memory => "no memory for sockets on this machine, raise its limits or give it more",
            Shortage::Addresses => {
                "no free local port or address, widen the range (sysctl net.ipv4.ip_local_port_range) or keep \
                 connections open for longer"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    #[test]
    fn what_the_caller_lacks_says_nothing_of_the_endpoint() {
        let by_number = |number| io::Error::from_raw_os_error(number);
        for (error, lacks) in [
            (by_number(EMFILE), Some(Shortage::Files)),
            (by_number(ENFILE), Some(Shortage::MachineFiles)),
            (by_number(ENOBUFS), Some(Shortage::Memory)),
            (ErrorKind::OutOfMemory.into(), Some(Shortage::Memory)),
            (ErrorKind::AddrNotAvailable.into(), Some(Shortage::Addresses)),
            (ErrorKind::ConnectionRefused.into(), None),
            (ErrorKind::ConnectionReset.into(), None),
            (ErrorKind::HostUnreachable.into(), None),
            (ErrorKind::TimedOut.into(), None),
        ] {
            assert_eq!(Shortage::of(&error), lacks, "{error}");
            let speaks = lacks.is_none().then_some(Outcome::Unavailable);
            assert_eq!(Outcome::of_failed_connect(&error), speaks, "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_numbers_are_those_of_the_machine() {
        for (number, text) in [
            (EMFILE, "Too many open files"),
            (ENFILE, "Too many open files in system"),
            (ENOBUFS, "No buffer space available"),
        ] {
            let shown = io::Error::from_raw_os_error(number).to_string();
            assert!(shown.starts_with(text), "{shown}");
        }
    }
}

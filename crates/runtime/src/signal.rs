//! The signals that a process of Nines listens to.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT: drain and end.
#[derive(Debug)]
pub struct Termination {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Termination {
    /// Listens from now on, so that a signal between this call and [`Termination::received`] is not lost.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: None,
        })
    }

    /// As [`Termination::listen`], and a closed terminal (SIGHUP) counts too, unless whoever started the process had it
    /// ignore that, as `nohup` does.
    pub fn listen_in_terminal() -> io::Result<Self> {
        let hangup = if ignores_hangup(&std::fs::read_to_string("/proc/self/status").unwrap_or_default()) {
            None
        } else {
            Some(hangup()?)
        };
        Ok(Self {
            hangup,
            ..Self::listen()?
        })
    }

    /// Waits for the next of them and gives its name. May be called again: a second signal means "now".
    pub async fn received(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            () = heard(self.hangup.as_mut()) => "SIGHUP",
        }
    }
}

async fn heard(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Reads the mask of ignored signals in `/proc/PID/status`; its lowest bit is SIGHUP's.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

/// SIGHUP: reload.
pub fn hangup() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hangup_is_seen() {
        for (status, ignored) in [
            (
                "Name:\tnines\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n",
                true,
            ),
            (
                "Name:\tnines\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n",
                false,
            ),
            ("", false),
        ] {
            assert_eq!(ignores_hangup(status), ignored, "{status}");
        }
    }
}

//! A program as the system runs it: its process group, its log file, its end.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::{Child, Command};

use super::group;
use super::stack::Restart;

/// A process to keep running.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// `orders-v1-2`.
    pub(crate) name: String,
    /// `orders-v1`.
    pub(crate) group: String,
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) port: Port,
    /// The path that must answer 200; without it a TCP connect suffices.
    pub(crate) ready_path: Option<String>,
    pub(crate) ready_timeout: Duration,
    pub(crate) depends_on: Vec<String>,
    pub(crate) restart: Restart,
    pub(crate) stop_timeout: Duration,
    pub(crate) log: PathBuf,
}

/// The port that the ready check asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    Fixed(u16),
    /// A free one, found anew at each start and told in `PORT` and `NINES_LISTEN`.
    Picked,
}

/// A started program.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) pid: u32,
    pub(crate) port: u16,
}

impl Program {
    /// Starts it in a process group of its own, so that a Ctrl-C in the terminal reaches the supervisor alone, which
    /// then stops everything in order. Standard output and error go to the log file.
    pub(crate) fn start(&self, supervisor: &Path) -> io::Result<Running> {
        let port = match self.port {
            Port::Fixed(port) => port,
            Port::Picked => free_port()?,
        };
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(supervisor);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_meant_for_others(name)) {
            command.env_remove(name);
        }
        command
            .args(["run-child", "--supervisor"])
            .arg(std::process::id().to_string())
            .arg(&self.path)
            .args(&self.args)
            .envs(&self.env);
        if self.port == Port::Picked {
            command
                .env("PORT", port.to_string())
                .env("NINES_LISTEN", format!("127.0.0.1:{port}"));
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let child = command.spawn()?;
        let pid = child
            .id()
            .ok_or_else(|| io::Error::other("the process ended at once"))?;
        Ok(Running { child, pid, port })
    }
}

impl Running {
    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// SIGTERM to the whole group; says whether the program ended within `patience`.
    pub(crate) async fn terminate(&mut self, patience: Duration) -> bool {
        group::signal(self.pid, Signal::SIGTERM);
        tokio::time::timeout(patience, self.child.wait()).await.is_ok()
    }

    /// SIGKILL to the whole group, also to what the program left behind.
    pub(crate) async fn kill(&mut self) {
        group::signal(self.pid, Signal::SIGKILL);
        if let Err(error) = self.child.wait().await {
            tracing::warn!(pid = self.pid, %error, "cannot wait for a killed process");
        }
    }
}

/// What a shell says of other systems (`NINES_SERVER`, `NINES_NAMESPACE`, …) must not change this one. How much is logged
/// is the user's to say.
fn is_meant_for_others(variable: &OsStr) -> bool {
    variable.as_encoded_bytes().starts_with(b"NINES_") && variable != "NINES_LOG"
}

/// The last lines of a process's log, for an error message.
pub(crate) fn log_tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(16 << 10)..]).into_owned();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// A port nobody listens on. Somebody may take it before the program does; the program then fails to bind, and its
/// next start gets another.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

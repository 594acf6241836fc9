//! Processes that a test starts, each ended with the test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything may take to start or to end before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The `nines` binary under test.
pub(crate) fn nines() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_nines"))
}

/// A binary of the example shop, built beside `nines`.
pub(crate) fn shop(name: &str) -> PathBuf {
    let path = nines().with_file_name(format!("shop-{name}"));
    assert!(
        path.is_file(),
        "{} is missing; run `cargo xtask test`, which builds it",
        path.display()
    );
    path
}

/// A running process whose standard output can be waited on.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = child.stdout.take().expect("standard output is piped");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Waits for a line that contains `text`, and gives it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no line with `{text}` in {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => panic!("ended without `{text}`: {:#?}", self.seen),
            }
        }
    }

    /// The lines that `wait_for` has read.
    pub(crate) fn seen(&self) -> String {
        self.seen.join("\n")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn crash(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().expect("a killed child can be waited for");
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.end()
    }

    /// Waits for the end and reads the rest of the output.
    pub(crate) fn end(&mut self) -> ExitStatus {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // `nines up` stops its children itself; that is what SIGTERM is for. Others just end.
            self.signal(Signal::SIGTERM);
            self.child.wait().ok();
        }
    }
}

/// The `http://…` in a line.
pub(crate) fn address_in(line: &str) -> String {
    let url = line.split_whitespace().find(|word| word.starts_with("http://"));
    url.unwrap_or_else(|| panic!("no address in `{line}`")).to_string()
}

/// A control plane with its state in `folder`, and its address.
pub(crate) fn start_server_at(folder: &Path, listen: &str) -> (Process, String) {
    let args = ["server", "--listen", listen, "--data-dir", "data"];
    let mut server = Process::start(Command::new(nines()).args(args).current_dir(folder));
    let url = address_in(&server.wait_for("listening on "));
    (server, url)
}

/// Sends a signal to a process that the stack under test has started.
pub(crate) fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal).expect("the process exists");
}

/// Whether a process exists (a zombie does not count).
pub(crate) fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

/// Waits until none of the processes exists.
pub(crate) async fn until_gone(pids: &[u32]) {
    let gone = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while pids.iter().any(|pid| alive(*pid)) {
            tick.tick().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, gone).await;
    in_time.unwrap_or_else(|_| {
        let left: Vec<_> = pids.iter().filter(|pid| alive(**pid)).collect();
        panic!("still running: {left:?}")
    });
}

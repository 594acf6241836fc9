//! The systems under comparison, each started privately with one worker on core 0, and the backend on core 1.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The backend answers 109 bytes, as in `field/measurements`.
const BODY: usize = 109;

/// A proxy to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Nines,
    HaProxy,
    Nginx,
}

/// A started proxy.
#[derive(Debug)]
pub(crate) struct Running {
    contender: Contender,
    process: Process,
    port: u16,
}

/// The started backend.
#[derive(Debug)]
pub(crate) struct Backend {
    _process: Process,
    port: u16,
}

/// A child that ends with its owner.
#[derive(Debug)]
struct Process(Child);

impl Contender {
    pub(crate) const ALL: [Contender; 3] = [Contender::Nines, Contender::HaProxy, Contender::Nginx];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Contender::Nines => "nines",
            Contender::HaProxy => "haproxy",
            Contender::Nginx => "nginx",
        }
    }

    pub(crate) fn installed(self) -> bool {
        self == Contender::Nines || installed(self.name())
    }

    fn command(self, folder: &Path, port: u16, backend: u16) -> Result<Command> {
        let file = folder.join(self.name());
        let path = file.display();
        Ok(match self {
            Contender::Nines => {
                let nines = std::env::current_exe()?.with_file_name("nines");
                let config = file.with_extension("yaml");
                fs::write(&config, nines_config(port, backend))?;
                let mut command = pinned(0, &nines.display().to_string());
                command
                    .args(["proxy", "--workers", "1", "--admin", "127.0.0.1:0", "--config"])
                    .arg(config);
                command.arg("--data-dir").arg(file.with_extension("data"));
                command
            }
            Contender::HaProxy => {
                fs::write(&file, haproxy_config(port, backend))?;
                let mut command = pinned(0, "haproxy");
                command.args(["-db", "-q", "-f"]).arg(&file);
                command
            }
            Contender::Nginx => {
                fs::write(&file, nginx_proxy_config(&format!("{path}.pid"), port, backend))?;
                nginx(0, &file)
            }
        })
    }
}

impl Running {
    pub(crate) fn start(contender: Contender, backend: &Backend, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let process = Process::spawn(&mut contender.command(folder, port, backend.port)?)?;
        wait_for(port).with_context(|| format!("{} does not answer", contender.name()))?;
        Ok(Self {
            contender,
            process,
            port,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.contender.name()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// User and system time of the process and its children so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.process.family().iter().map(|pid| cpu_of(*pid)).sum()
    }

    /// Resident memory of the process and its children, in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.process.family().iter().map(|pid| resident_of(*pid)).sum()
    }
}

impl Backend {
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let file = folder.join("backend");
        fs::write(&file, backend_config(&format!("{}.pid", file.display()), port))?;
        let process = Process::spawn(&mut nginx(1, &file))?;
        wait_for(port).context("the nginx backend does not answer")?;
        Ok(Self {
            _process: process,
            port,
        })
    }
}

impl Process {
    fn spawn(command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Self(child.with_context(|| format!("cannot start {command:?}"))?))
    }

    fn family(&self) -> Vec<u32> {
        let id = self.0.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        std::iter::once(id)
            .chain(children.split_whitespace().filter_map(|pid| pid.parse().ok()))
            .collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.0.id()) {
            let stopped = kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok() && self.0.wait().is_ok();
            if !stopped {
                eprintln!("process {pid} could not be stopped");
            }
        }
    }
}

/// Whether a program is in PATH or where Debian puts daemons.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).chain([Path::new("/usr/sbin").to_path_buf()]);
    places.any(|place| place.join(program).is_file())
}

fn pinned(core: u8, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), program]);
    command
}

fn nginx(core: u8, config: &Path) -> Command {
    let mut command = pinned(core, "nginx");
    command
        .arg("-c")
        .arg(config)
        .args(["-e", "/dev/null", "-g", "daemon off;"]);
    command
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(port: u16) -> Result<()> {
    for _ in 0..1000 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    bail!("nobody listens on port {port} after 10 s")
}

/// Fields 14 and 15 of `/proc/PID/stat`, in ticks of 10 ms (proc(5); Linux fixes the tick of user space at 100 Hz).
fn cpu_of(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

fn resident_of(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: u64 = line
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .context("VmRSS")?;
    Ok(kib * 1024)
}

fn nines_config(port: u16, backend: u16) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  gatewayClassName: nines
  listeners: [{{name: http, protocol: HTTP, port: {port}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: orders}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
  - matches: [{{path: {{type: PathPrefix, value: /orders}}}}]
    backendRefs: [{{name: orders}}]
---
apiVersion: nines.dev/v1
kind: Service
metadata: {{name: orders}}
spec: {{endpoints: [{{address: \"127.0.0.1:{backend}\"}}]}}
"
    )
}

fn haproxy_config(port: u16, backend: u16) -> String {
    format!(
        "global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout connect 1s
  timeout client 65s
  timeout server 15s
  http-reuse always
frontend edge
  bind 127.0.0.1:{port}
  default_backend orders
backend orders
  server one 127.0.0.1:{backend}
"
    )
}

fn nginx_proxy_config(pid: &str, port: u16, backend: u16) -> String {
    nginx_config(
        pid,
        &format!(
            "upstream orders {{ server 127.0.0.1:{backend}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://orders; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}
  }}"
        ),
    )
}

fn backend_config(pid: &str, port: u16) -> String {
    let body = "x".repeat(BODY);
    nginx_config(
        pid,
        &format!("server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 \"{body}\"; }} }}"),
    )
}

fn nginx_config(pid: &str, http: &str) -> String {
    format!(
        "worker_processes 1;
pid {pid};
events {{ worker_connections 18000; }}
http {{
  access_log off;
  keepalive_timeout 65s;
  keepalive_requests 1000000000;
  {http}
}}
"
    )
}

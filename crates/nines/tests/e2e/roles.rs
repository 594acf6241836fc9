//! What the roles take from the system that runs them, and that they give it back in time.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::load::Connection;
use crate::process::{PATIENCE, Process, address_in, nines, send};

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: nines
  listeners: [{name: http, protocol: HTTP, port: 0}]
";

/// More than the log's queue and the pipe hold.
const REQUESTS: usize = 600;

#[tokio::test]
async fn an_access_log_that_nobody_reads_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("g.yaml"), GATEWAY).expect("it is written");
    let mut gateway = tokio::process::Command::new(nines())
        .args([
            "proxy",
            "--config",
            "g.yaml",
            "--admin",
            "127.0.0.1:0",
            "--workers",
            "1",
        ])
        .args(["--access-log", "stdout", "--drain", "1s"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(gateway.stdout.take().expect("it is piped")).lines();
    let address = loop {
        let line = lines
            .next_line()
            .await
            .expect("readable")
            .expect("it says where it listens");
        if line.contains("edge/http listening on") {
            break address_in(&line);
        }
    };
    let mut client = Connection::new(address.trim_start_matches("http://").parse().expect("an address"));
    let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(8000));
    for _ in 0..REQUESTS {
        assert_eq!(
            client.exchange(request.as_bytes()).await.expect("an answer").status,
            404
        );
    }
    send(gateway.id().expect("it runs"), Signal::SIGTERM);
    let ended = tokio::time::timeout(PATIENCE, gateway.wait()).await;
    ended
        .expect("it ends though its output is not read")
        .expect("it can be waited for");
    drop(lines);
}

/// The command under a soft limit of 256 and a hard one of 2048 open files, all its output on standard output.
fn limited(folder: &Path, args: &[&str]) -> Process {
    let script = "ulimit -Sn 256; ulimit -Hn 2048; exec \"$0\" \"$@\" 2>&1";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(nines()).args(args).current_dir(folder);
    Process::start(&mut command)
}

/// What the kernel says of a process's limit of open files.
fn open_files(pid: u32) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("the process runs");
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    line.expect("a limit of open files")
        .split_whitespace()
        .skip(3)
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_role_takes_as_many_open_files_as_it_may_and_says_if_that_is_little() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("g.yaml"), GATEWAY).expect("it is written");
    for role in [
        &["server", "--listen", "127.0.0.1:0", "--data-dir", "d"][..],
        &["proxy", "--config", "g.yaml", "--admin", "127.0.0.1:0"],
    ] {
        let mut process = limited(folder.path(), role);
        process.wait_for("fewer open files are allowed than there may be connections");
        process.wait_for("http://");
        assert_eq!(open_files(process.pid()), "2048 2048", "{role:?}");
        assert!(process.stop().success());
    }
}

#[test]
fn services_of_a_stack_get_the_raised_limit_of_open_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "name: s\ncontrol: {listen: '127.0.0.1:0'}\ngateway: {admin: '127.0.0.1:0'}\n\
                services: [{name: a, command: sh, args: ['-c', 'ulimit -Sn > limit; false']}]\n";
    std::fs::write(folder.path().join("stack.yaml"), text).expect("the stack is written");
    let mut up = limited(folder.path(), &["up", "stack.yaml"]);
    up.wait_for("a-1: backoff");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("limit")).expect("it is written"),
        "2048\n"
    );
    assert!(up.stop().success());
}

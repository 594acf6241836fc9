//! The binary as a shell sees it: exit codes, and one clear error on standard error.

use std::net::TcpListener;
use std::process::{Command, Output};

fn nines(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nines"));
    command
        .args(args)
        .env_remove("NINES_SERVER")
        .env_remove("NINES_NAMESPACE");
    command.output().expect("the binary starts")
}

#[track_caller]
fn check(args: &[&str], code: i32, error: &str) {
    let output = nines(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(error), "{args:?}: {said}");
}

#[test]
fn nobody_there_is_one_line_with_the_way_out() {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let server = format!("http://127.0.0.1:{port}");
    for verb in [
        &["status"][..],
        &["service", "list"],
        &["get", "gateways"],
        &["config", "history", "a"],
    ] {
        let output = nines(&[verb, &["--server", &server]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(&server) && said.contains("`nines server`"), "{said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn wrong_use_is_exit_code_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bad.yaml");
    std::fs::write(&file, "apiVersion: nines.dev/v1\nkind: Servce\n").expect("a file");
    let file = file.to_str().expect("a path");
    check(
        &["apply", "-f", file],
        2,
        "bad.yaml:2:1: kind: unknown kind `Servce`, did you mean `Service`?",
    );
    check(
        &["apply", "-f", "/none/at/all.yaml"],
        2,
        "cannot read /none/at/all.yaml",
    );
    check(
        &["status", "--namespace", "A"],
        2,
        "--namespace: `A` is not a valid name",
    );
    check(&["config", "put", "a", "/none"], 2, "cannot read /none");
    check(&["frobnicate"], 2, "unrecognized subcommand 'frobnicate'");
    check(&[], 2, "Usage: nines");
}

#[test]
fn help_and_completions_need_no_server() {
    for args in [
        &["--help"][..],
        &["config", "put", "--help"],
        &["completions", "bash"],
        &["--version"],
    ] {
        let output = nines(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty(), "{args:?}");
    }
}

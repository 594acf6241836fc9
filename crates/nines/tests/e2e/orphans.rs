//! However `nines up` ends, nothing that it started stays.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::process::{PATIENCE, alive, nines, until_gone};
use crate::stack::up_with;

/// Ignores SIGTERM, as does what it starts; writes down both pids.
const STUBBORN: &str = r#"trap "" TERM; sleep 4242 & echo $$ $! >> pids; wait"#;

fn stubborn(stop_timeout: &str) -> String {
    format!("{{name: stubborn, command: sh, args: ['-c', '{STUBBORN}'], stopTimeout: {stop_timeout}}}")
}

/// The pids that programs wrote down, once there are so many.
async fn pids(folder: &Path, count: usize) -> Vec<u32> {
    let written = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            let text = std::fs::read_to_string(folder.join("pids")).unwrap_or_default();
            let pids: Vec<u32> = text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
            if pids.len() >= count && text.ends_with('\n') {
                return pids;
            }
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, written).await;
    in_time.expect("the programs write down their pids")
}

#[test]
fn a_program_is_not_started_for_a_supervisor_that_has_ended() {
    let somebody_else = std::process::id() + 1;
    let output = Command::new(nines())
        .args([
            "run-child",
            "--supervisor",
            &somebody_else.to_string(),
            "echo",
            "started",
        ])
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the supervisor has ended"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[tokio::test]
async fn what_a_program_started_before_it_was_ready_ends_with_it() {
    let leak = "{name: leak, command: sh, args: ['-c', 'sleep 4242 & echo $! >> pids; exit 1']}";
    let (mut up, folder) = up_with(leak);
    up.wait_for("leak-1: crash-loop");
    assert!(up.stop().success());
    until_gone(&pids(folder.path(), 5).await).await;
}

#[tokio::test]
async fn a_killed_supervisor_leaves_neither_the_deaf_nor_their_children() {
    let (up, folder) = up_with(&stubborn("300ms"));
    let pids = pids(folder.path(), 2).await;
    up.crash();
    until_gone(&pids).await;
}

#[tokio::test]
async fn a_second_interrupt_ends_also_what_ignores_the_first() {
    let (mut up, folder) = up_with(&stubborn("1h"));
    let pids = pids(folder.path(), 2).await;
    up.signal(Signal::SIGINT);
    up.wait_for("stubborn-1: stopping");
    up.signal(Signal::SIGINT);
    assert_eq!(up.end().code(), Some(1), "{}", up.seen());
    let left: Vec<_> = pids.iter().filter(|pid| alive(**pid)).collect();
    assert!(left.is_empty(), "still running: {left:?}");
}

#[tokio::test]
async fn a_closed_terminal_drains_everything() {
    let (mut up, folder) = up_with("{name: s, command: sh, args: ['-c', 'echo $$ >> pids; exec sleep 4242']}");
    let pids = pids(folder.path(), 1).await;
    up.signal(Signal::SIGHUP);
    assert!(up.end().success(), "{}", up.seen());
    assert!(up.seen().contains("SIGHUP: draining"), "{}", up.seen());
    until_gone(&pids).await;
}

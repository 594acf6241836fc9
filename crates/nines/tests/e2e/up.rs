//! `nines up` as its user meets it.

use nix::sys::signal::Signal;

use crate::process::{PATIENCE, Process, alive, until_gone};
use crate::stack::{Stack, processes, shop_resources, shop_stack, up_command, up_with};

const CHECKS: &str = "checks:
- {name: orders answer, path: /orders, times: 10}
- {name: an order is placed, method: POST, path: /orders, json: {sku: tea, quantity: 1}, status: 201}
- {name: nobody lives there, path: /nowhere, status: 404}
";

#[test]
fn a_check_sends_real_requests_and_says_what_it_saw() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("stack.yaml"), shop_stack("always") + CHECKS).expect("the stack is written");
    std::fs::write(folder.path().join("resources.yaml"), shop_resources(90, 10)).expect("the resources are written");
    let mut check = Process::start(up_command(folder.path()).arg("--check"));
    let status = check.end();
    let seen = check.seen();
    assert!(status.success(), "{seen}");
    for words in [
        "orders-1: ready",
        "GET /orders",
        "200 × 10",
        "201 × 1",
        "404 × 1",
        "3 checks passed",
    ] {
        assert!(seen.contains(words), "no `{words}` in {seen}");
    }
    check_all_gone(&pids(&processes(folder.path())));
}

#[test]
fn what_a_shell_says_of_other_systems_does_not_reach_a_stack() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "name: s\ncontrol: {listen: '127.0.0.1:0'}\ngateway: {admin: '127.0.0.1:0'}\n\
                services: [{name: a, command: sh, args: ['-c', 'env > env.txt; false'], env: {NINES_LABELS: mine=1}}]\n";
    std::fs::write(folder.path().join("stack.yaml"), text).expect("the stack is written");
    let mut command = up_command(folder.path());
    command.envs([
        ("NINES_NAMESPACE", "prod"),
        ("NINES_HEARTBEAT", "1s"),
        ("NINES_LOG", "warn"),
        ("MINE", "1"),
    ]);
    let mut up = Process::start(&mut command);
    up.wait_for("a-1: backoff");
    let env = std::fs::read_to_string(folder.path().join("env.txt")).expect("it is written");
    let env: Vec<&str> = env.lines().collect();
    for there in [
        "NINES_NAMESPACE=default",
        "NINES_LABELS=mine=1",
        "NINES_LOG=warn",
        "MINE=1",
    ] {
        assert!(env.contains(&there), "no {there} in {env:#?}");
    }
    assert!(!env.iter().any(|line| line.starts_with("NINES_HEARTBEAT")), "{env:#?}");
    assert!(up.stop().success());
}

#[test]
fn a_check_that_fails_is_told_with_its_cause() {
    let folder = tempfile::tempdir().expect("a folder");
    let checks = "checks:\n- {name: somebody lives there, path: /nowhere}\n";
    std::fs::write(folder.path().join("stack.yaml"), shop_stack("always") + checks).expect("the stack is written");
    std::fs::write(folder.path().join("resources.yaml"), shop_resources(90, 10)).expect("the resources are written");
    let mut check = Process::start(up_command(folder.path()).arg("--check"));
    let status = check.end();
    let seen = check.seen();
    assert_eq!(status.code(), Some(1), "{seen}");
    assert!(
        seen.contains("expected 200, got 404 (x-nines-cause: no_route"),
        "{seen}"
    );
}

#[tokio::test]
async fn an_interrupt_drains_everything_and_leaves_no_process() {
    let mut stack = Stack::up("always");
    let pids = pids(&stack.processes());
    assert_eq!(
        pids.len(),
        7,
        "control, gateway and five services: {:#?}",
        stack.processes()
    );
    stack.up.signal(Signal::SIGINT);
    assert!(stack.up.end().success(), "{}", stack.up.seen());
    check_all_gone(&pids);
}

#[tokio::test]
async fn a_killed_supervisor_takes_its_processes_along() {
    let stack = Stack::up("always");
    let pids = pids(&stack.processes());
    stack.up.crash();
    until_gone(&pids).await;
}

/// Also the log of a process that is never started again, and the access log.
#[tokio::test]
async fn logs_are_kept_small_while_their_processes_run() {
    const MAX: u64 = 64 << 20;
    let (_up, folder) =
        up_with("{name: big, command: sh, args: ['-c', 'head -c 70000000 /dev/zero; exec sleep 4242']}");
    let logs = folder.path().join(".nines/logs");
    let length = |log: &str| std::fs::metadata(logs.join(log)).map_or(0, |metadata| metadata.len());
    until("the service's log has moved aside", || {
        length("big-1.log.1") > MAX && length("big-1.log") < MAX
    })
    .await;
    let access = std::fs::OpenOptions::new().append(true).open(logs.join("access.log"));
    access
        .expect("the gateway has it open")
        .set_len(MAX + 1)
        .expect("it grows");
    until("the access log has moved aside", || {
        length("access.log.1") == MAX + 1 && length("access.log") == 0
    })
    .await;
}

/// Waits until something is so.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let so = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
        while !condition() {
            tick.tick().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, so).await;
    assert!(in_time.is_ok(), "not so in time: {what}");
}

#[test]
fn a_job_that_ended_well_holds_up_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "name: s\ncontrol: {listen: '127.0.0.1:0'}\ngateway: {admin: '127.0.0.1:0'}\nresources: [resources.yaml]\n\
                services:\n- {name: job, command: 'true', restart: never}\n\
                - {name: after, command: 'true', restart: onFailure, dependsOn: [job]}\n";
    std::fs::write(folder.path().join("stack.yaml"), text).expect("the stack is written");
    std::fs::write(folder.path().join("resources.yaml"), shop_resources(90, 10)).expect("the resources are written");
    let mut up = Process::start(&mut up_command(folder.path()));
    up.wait_for("after-1: done");
    up.wait_for("s is up");
    assert!(up.seen().contains("job-1: done"), "{}", up.seen());
    assert!(up.stop().success());
}

/// Its Gateway may be applied later, or never.
#[test]
fn a_stack_without_a_gateway_resource_is_up() {
    let (mut up, _folder) = up_with("{name: job, command: 'true', restart: never}");
    up.wait_for("s is up");
    assert!(up.stop().success());
}

#[tokio::test]
async fn a_crash_loop_is_visible_and_goes_on() {
    let (mut up, folder) = up_with("{name: broken, command: 'false'}");
    let line = up.wait_for("broken-1: crash-loop");
    assert!(
        line.contains("exit status: 1") && line.contains("broken-1.log"),
        "{line}"
    );
    assert!(up.stop().success());
    assert!(processes(folder.path())["broken-1"].restarts >= 5);
}

fn pids(rows: &std::collections::BTreeMap<String, crate::stack::Row>) -> Vec<u32> {
    rows.values().filter_map(|row| row.pid).collect()
}

#[track_caller]
fn check_all_gone(pids: &[u32]) {
    let left: Vec<_> = pids.iter().filter(|pid| alive(**pid)).collect();
    assert!(left.is_empty(), "still running: {left:?}");
}

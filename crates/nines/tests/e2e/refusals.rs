//! Bad input through the real binary: one clear error that names the thing, exit code 2, nothing started.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use crate::process::{Process, nines};

const GOOD: &str = "{name: a, command: sleep, args: ['60']}";

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(nines())
        .args(args)
        .current_dir(folder)
        .output()
        .expect("the binary runs")
}

/// Exit code 2 and one message with these words.
#[track_caller]
fn check(output: &Output, words: &[&str]) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    for word in words {
        assert!(message.contains(word), "no `{word}` in: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
}

#[test]
fn a_stack_that_cannot_work_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address");
    let service = |service: &str| format!("name: s\nservices: [{service}]\n");
    let table: [(&str, String, &[&str]); 11] = [
        ("broken YAML", "name: [".into(), &["stack.yaml"]),
        (
            "unknown field",
            "name: s\nservices: []\nservcies: []\n".into(),
            &["stack.yaml:3", "servcies"],
        ),
        (
            "wrong type",
            "name: s\nservices: 7\n".into(),
            &["stack.yaml:2", "services"],
        ),
        ("missing field", "services: []\n".into(), &["name"]),
        (
            "no such command",
            service("{name: a, command: no-such-program}"),
            &["no-such-program", "PATH"],
        ),
        (
            "bad name",
            service("{name: A_b, command: sleep}"),
            &["services[0].name", "A_b"],
        ),
        (
            "reserved name",
            service("{name: control, command: sleep}"),
            &["services[0].name", "control"],
        ),
        (
            "two of one name",
            service(&format!("{GOOD}, {GOOD}")),
            &["services[1].name", "`a`"],
        ),
        (
            "unknown dependency",
            service("{name: a, command: sleep, dependsOn: [b]}"),
            &["dependsOn", "`b`"],
        ),
        (
            "circle",
            service("{name: a, command: sleep, dependsOn: [a]}"),
            &["circle"],
        ),
        (
            "port taken",
            format!("name: s\ncontrol: {{listen: '{taken}'}}\nservices: []\n"),
            &["control.listen", &taken.to_string()],
        ),
    ];
    for (name, text, words) in table {
        std::fs::write(folder.path().join("stack.yaml"), text).expect("the stack is written");
        let output = run(folder.path(), &["up", "stack.yaml"]);
        eprintln!("{name}: {}", String::from_utf8_lossy(&output.stderr));
        check(&output, words);
    }
    check(
        &run(folder.path(), &["up", "missing.yaml"]),
        &["missing.yaml", "No such file"],
    );
}

#[test]
fn a_second_stack_in_the_same_place_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "name: s\ncontrol: {listen: '127.0.0.1:0'}\ngateway: {admin: '127.0.0.1:0'}\nservices: []\n";
    std::fs::write(folder.path().join("stack.yaml"), text).expect("the stack is written");
    let mut first = Process::start(
        Command::new(nines())
            .args(["up", "stack.yaml"])
            .current_dir(folder.path()),
    );
    first.wait_for("control: ready");
    check(
        &run(folder.path(), &["up", "stack.yaml"]),
        &["another `nines up`", "--data-dir"],
    );
    assert!(first.stop().success());
}

#[test]
fn a_server_says_why_it_cannot_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("an address").to_string();
    check(
        &run(folder.path(), &["server", "--listen", &listen, "--data-dir", "d"]),
        &[&listen],
    );

    std::fs::write(folder.path().join("file"), "").expect("a file is written");
    let output = run(
        folder.path(),
        &["server", "--listen", "127.0.0.1:0", "--data-dir", "file"],
    );
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && message.contains("file"), "{message}");

    let mut first = Process::start(
        Command::new(nines())
            .args(["server", "--listen", "127.0.0.1:0", "--data-dir", "d"])
            .current_dir(folder.path()),
    );
    first.wait_for("listening on");
    let output = run(folder.path(), &["server", "--listen", "127.0.0.1:0", "--data-dir", "d"]);
    check(&output, &["in use by another", "--data-dir"]);
    assert!(first.stop().success());
}

#[test]
fn a_proxy_says_why_it_cannot_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = |port: u16| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: g}}\nspec:\n  \
             gatewayClassName: nines\n  listeners: [{{name: http, protocol: HTTP, port: {port}}}]\n"
        )
    };
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let table: [(&str, String, &[&str]); 4] = [
        (
            "unknown field",
            gateway(0).replace("listeners", "listenres"),
            &["g.yaml:6", "listenres"],
        ),
        (
            "wrong type",
            gateway(0).replace("port: 0", "port: many"),
            &["g.yaml:6", "port"],
        ),
        (
            "dangling backend",
            gateway(0)
                + "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
            metadata: {name: r}\nspec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: nobody}]}]}\n",
            &["nobody"],
        ),
        ("port taken", gateway(port), &[&format!("127.0.0.1:{port}")]),
    ];
    for (name, text, words) in table {
        std::fs::write(folder.path().join("g.yaml"), text).expect("the file is written");
        let output = run(
            folder.path(),
            &["proxy", "--config", "g.yaml", "--admin", "127.0.0.1:0"],
        );
        eprintln!("{name}: {}", String::from_utf8_lossy(&output.stderr));
        check(&output, words);
    }
}

#[test]
fn wrong_use_is_told_from_a_no() {
    let folder = tempfile::tempdir().expect("a folder");
    check(&run(folder.path(), &["frobnicate"]), &["frobnicate"]);
    let port = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address")
        .port();
    let output = run(
        folder.path(),
        &["--server", &format!("http://127.0.0.1:{port}"), "status"],
    );
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("nines server") && message.contains(&port.to_string()),
        "{message}"
    );
}

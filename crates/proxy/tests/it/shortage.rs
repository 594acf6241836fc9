//! A gateway that may open few files, in a process of its own.

use std::fs::{self, File};
use std::net::TcpListener;
use std::process::Command;

use crate::harness::{Gateway, simple, within};

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const FEW: u64 = 128;

/// How many files this process may open.
fn open_files() -> u64 {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).expect("a limit");
    soft.parse().unwrap_or(u64::MAX)
}

/// Runs a test of this binary again, where it may open few files.
fn among_few_files(test: &str) {
    let this = std::env::current_exe().expect("a path");
    let script = format!("ulimit -n {FEW} && exec \"$0\" --exact {test} --test-threads 1");
    let ran = Command::new("sh").arg("-c").arg(script).arg(this).output();
    let output = ran.expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn no_endpoint_is_blamed_when_the_gateway_has_no_files_left() {
    if open_files() > FEW {
        return among_few_files("shortage::no_endpoint_is_blamed_when_the_gateway_has_no_files_left");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(without_files());
}

async fn without_files() {
    // Listeners that take no connection need no file for one either.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let addresses = listeners.each_ref().map(|l| l.local_addr().expect("bound"));
    let gateway = Gateway::start(&simple(&addresses)).await;
    let mut client = gateway.connect().await;
    let accepted = async {
        while gateway.proxy().connections() == 0 {
            tokio::task::yield_now().await;
        }
    };
    within("the client is accepted", accepted).await;
    let files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    for _ in 0..20 {
        client.send(GET).await;
        let refused = client.response().await;
        assert_eq!((refused.status, refused.cause()), (503, "overloaded"));
        assert!(refused.text().contains("too many open files"), "{}", refused.text());
    }
    drop(files);
    for address in addresses {
        for name in ["ejections", "connect_errors"] {
            let sample = format!("nines_proxy_upstream_{name}_total{{endpoint=\"{address}\"}}");
            assert_eq!(gateway.metric(&sample).await, 0, "{sample}");
        }
    }
}

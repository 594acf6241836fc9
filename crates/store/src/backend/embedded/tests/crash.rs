//! kill -9 at random moments: nothing acknowledged is lost, nothing revoked comes back, the revision does not fall.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use nines_base::Rng;

use super::*;

const ROUNDS: u64 = 20;
const WRITERS: u64 = 8;
/// Made by the parent, so that the child does nothing when somebody runs it by hand.
const MARKER: &str = "crash-test";

fn config() -> Config {
    Config {
        retention: Retention {
            revisions: 200,
            bytes: 1 << 30,
        },
        ..Config::default()
    }
}

/// What the child said before it died.
#[derive(Debug, Default)]
struct Acknowledged {
    keys: BTreeMap<String, Revision>,
    revoked: BTreeSet<LeaseId>,
}

impl Acknowledged {
    fn hear(&mut self, line: &str) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["put", key, revision] => {
                self.keys.insert(key.to_owned(), revision.parse().unwrap());
            }
            ["revoked", lease] => {
                self.revoked.insert(LeaseId(lease.parse().unwrap()));
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn kill_9_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(MARKER), "").unwrap();
    let mut rng = Rng::seeded(9);
    let (mut said, mut revision) = (Acknowledged::default(), 0);
    for round in 0..ROUNDS {
        let before = said.keys.len();
        let lines = 1 + rng.below(400);
        run_and_kill(dir.path(), round, lines, &mut said);
        assert!(said.keys.len() > before, "the child of round {round} wrote nothing");
        revision = check(dir.path(), &said, revision).await;
    }
}

fn run_and_kill(dir: &Path, round: u64, lines: u64, said: &mut Acknowledged) {
    std::fs::write(dir.join(MARKER), round.to_string()).unwrap();
    let mut child = start(dir);
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = 0;
    for line in output.by_ref().map_while(std::io::Result::ok) {
        said.hear(&line);
        heard += u64::from(line.starts_with("put") || line.starts_with("revoked"));
        if heard == lines {
            break;
        }
    }
    child.kill().unwrap();
    output.map_while(std::io::Result::ok).for_each(|line| said.hear(&line));
    child.wait().unwrap();
}

fn start(dir: &Path) -> Child {
    let name = format!("{}::child", module_path!().split_once("::").unwrap().1);
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored", "--nocapture", "--quiet"])
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn check(dir: &Path, said: &Acknowledged, floor: Revision) -> Revision {
    let store = Embedded::open(&dir.join("data"), config()).unwrap();
    let revision = store.status().await.unwrap().revision;
    assert!(revision >= floor, "the revision fell from {floor} to {revision}");
    let there: BTreeMap<String, KeyValue> = everything(&store)
        .await
        .into_iter()
        .map(|kv| (kv.key_str().to_owned(), kv))
        .collect();
    for (key, at) in &said.keys {
        assert!(revision >= *at);
        assert_eq!(
            there.get(key).map(|kv| kv.mod_revision),
            Some(*at),
            "{key} was acknowledged"
        );
    }
    for lease in &said.revoked {
        assert!(store.lease_keep_alive(*lease).await.is_err(), "{lease:?} was revoked");
        assert!(
            there.values().all(|kv| kv.lease != *lease),
            "a key of {lease:?} came back"
        );
    }
    revision
}

/// Not a test: what the test above runs and kills.
#[tokio::test]
#[ignore = "it is the child of kill_9_loses_nothing_acknowledged"]
async fn child() {
    let Ok(round) = std::fs::read_to_string(MARKER) else {
        return;
    };
    let store = Embedded::open(Path::new("data"), config()).unwrap();
    let writers = (0..WRITERS).map(|writer| storm(&store, &round, writer));
    futures_util::future::join_all(writers).await;
}

async fn storm(store: &Embedded, round: &str, writer: u64) {
    for n in 0..100_000 {
        let key = format!("{round}/{writer}/{n}");
        let revision = store.put(key.clone(), vec![7; 256]).await.unwrap();
        say(&format!("put {key} {revision}\n"));
        if n % 8 == writer {
            let lease = store.lease_grant(Duration::from_secs(600)).await.unwrap().id;
            let put = Op::Put {
                key: format!("lease/{key}").into(),
                value: "v".into(),
                lease,
            };
            store.txn(Txn::of(vec![put])).await.unwrap();
            store.lease_revoke(lease).await.unwrap();
            say(&format!("revoked {}\n", lease.0));
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}

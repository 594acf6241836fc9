//! kill -9 at random moments: nothing acknowledged is lost, nothing revoked comes back, the revision does not fall.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use nines_base::Rng;

use super::*;

const ROUNDS: u64 = 20;

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
    let mut child = start(dir, round);
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

/// `examples/storm.rs`, which the test runner builds beside the tests.
fn start(dir: &Path, round: u64) -> Child {
    let tests = std::env::current_exe().unwrap();
    let storm = tests.ancestors().nth(2).unwrap().join("examples/storm");
    Command::new(&storm)
        .args([dir.join("data").as_os_str(), round.to_string().as_ref()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", storm.display()))
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

//! The store against a model that keeps every revision as a whole map.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::types::{Compare, OpResult};

type Snapshot = BTreeMap<Bytes, KeyValue>;

/// One map for each revision, from 0.
struct Model(Vec<Snapshot>);

impl Model {
    fn revision(&self) -> Revision {
        self.0.len() as Revision - 1
    }

    fn range(&self, map: &Snapshot, range: &Range, revision: Revision) -> RangeResult {
        let map = range.at.map_or(map, |at| &self.0[at as usize]);
        let all: Vec<_> = map
            .values()
            .filter(|kv| range.keys.contains(&kv.key))
            .cloned()
            .collect();
        let limit = if range.limit == 0 { all.len() } else { range.limit };
        RangeResult {
            kvs: all.iter().take(limit).cloned().collect(),
            more: all.len() > limit,
            revision,
        }
    }

    fn txn(&mut self, txn: &Txn) -> TxnResult {
        let now = self.0.last().unwrap();
        let holds = |compare: &Compare| match compare {
            Compare::Version(key, is) => now.get(key).map_or(0, |kv| kv.version) == *is,
            Compare::Value(key, is) => now.get(key).is_some_and(|kv| kv.value == is),
            other => unreachable!("{other:?}"),
        };
        let succeeded = txn.compares.iter().all(holds);
        let (mut map, mut wrote, next) = (now.clone(), false, self.revision() + 1);
        let mut results = Vec::new();
        for op in if succeeded { &txn.then } else { &txn.otherwise } {
            results.push(match op {
                Op::Put { key, value, lease } => {
                    let old = map.get(key);
                    let kv = KeyValue {
                        key: key.clone(),
                        value: value.clone(),
                        create_revision: old.map_or(next, |kv| kv.create_revision),
                        mod_revision: next,
                        version: old.map_or(1, |kv| kv.version + 1),
                        lease: *lease,
                    };
                    map.insert(key.clone(), kv);
                    wrote = true;
                    OpResult::Put
                }
                Op::Delete(keys) => {
                    let before = map.len();
                    map.retain(|key, _| !keys.contains(key));
                    wrote |= map.len() < before;
                    OpResult::Deleted((before - map.len()) as u64)
                }
                Op::Get(range) => OpResult::Got(self.range(&map, range, next - u64::from(!wrote))),
            });
        }
        if wrote {
            self.0.push(map);
        }
        TxnResult {
            succeeded,
            revision: self.revision(),
            results,
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Txn(Txn),
    Range(Range, u64),
    Compact(u64),
    Reopen,
}

fn key() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec!["a", "a/b", "a/c", "b", "b/a"]).prop_map(Bytes::from)
}

fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![
        key().prop_map(Keys::One),
        key().prop_map(Keys::Prefix),
        Just(Keys::prefix(""))
    ]
}

fn value() -> impl Strategy<Value = Bytes> {
    (0..4u8).prop_map(|n| Bytes::from(vec![n; usize::from(n)]))
}

fn range() -> impl Strategy<Value = Range> {
    (keys(), 0..3usize).prop_map(|(keys, limit)| Range {
        limit,
        ..Range::of(keys)
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (key(), value()).prop_map(|(key, value)| Op::put(key, value)),
        2 => keys().prop_map(Op::Delete),
        1 => range().prop_map(Op::Get),
    ]
}

fn compare() -> impl Strategy<Value = Compare> {
    prop_oneof![
        (key(), 0..3u64).prop_map(|(key, version)| Compare::Version(key, version)),
        (key(), value()).prop_map(|(key, value)| Compare::Value(key, value)),
    ]
}

fn txn() -> impl Strategy<Value = Txn> {
    let ops = || prop::collection::vec(op(), 0..4);
    (prop::collection::vec(compare(), 0..2), ops(), ops()).prop_map(|(compares, then, otherwise)| Txn {
        compares,
        then,
        otherwise,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => txn().prop_map(Step::Txn),
        6 => (range(), any::<u64>()).prop_map(|(range, at)| Step::Range(range, at)),
        1 => any::<u64>().prop_map(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_does(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps))?;
    }
}

async fn check(steps: Vec<Step>) -> std::result::Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let mut model = Model(vec![Snapshot::new()]);
    let mut compacted = 0;
    for step in steps {
        match step {
            Step::Txn(txn) => match store.txn(txn.clone()).await {
                Ok(result) => prop_assert_eq!(result, model.txn(&txn)),
                Err(error) => prop_assert!(matches!(error, Error::Invalid(_)), "{}", error),
            },
            Step::Range(range, at) => {
                let at = at % (model.revision() + 1);
                for at in [None, Some(at)] {
                    let range = Range { at, ..range.clone() };
                    let result = store.range(range.clone()).await;
                    if at.is_some_and(|at| at < compacted) {
                        let refused = matches!(result, Err(Error::Compacted { oldest }) if oldest == compacted);
                        prop_assert!(refused);
                        continue;
                    }
                    prop_assert_eq!(
                        result.unwrap(),
                        model.range(model.0.last().unwrap(), &range, model.revision())
                    );
                }
            }
            Step::Compact(at) => {
                let at = at % (model.revision() + 1);
                if at > compacted {
                    store.compact(at).await.unwrap();
                    store.tick().await.unwrap();
                    compacted = at;
                }
            }
            Step::Reopen => {
                drop(store);
                store = open(dir.path());
            }
        }
    }
    prop_assert_eq!(
        everything(&store).await,
        model.0.last().unwrap().values().cloned().collect::<Vec<_>>()
    );
    Ok(())
}

//! Ranges: newest and at a revision, prefixes, limits.

use super::{delete, pairs, put, read};
use crate::error::Error;
use crate::store::Store;
use crate::types::{Keys, Range};

pub(super) async fn run<S: Store>(open: &impl AsyncFn() -> S) {
    reads_the_newest_state(&open().await).await;
    reads_older_revisions(&open().await).await;
    limits_and_keys_only(&open().await).await;
    refuses_wrong_ranges(&open().await).await;
}

async fn reads_the_newest_state(store: &impl Store) {
    put(store, "a/2", "x").await;
    put(store, "a/1", "y").await;
    put(store, "b", "z").await;
    let revision = put(store, "a/2", "w").await;
    let all = read(store, Keys::prefix(""), None).await;
    assert_eq!(pairs(&all), ["a/1=y", "a/2=w", "b=z"]);
    assert_eq!((all.revision, all.more), (revision, false));
    assert_eq!(pairs(&read(store, Keys::prefix("a/"), None).await), ["a/1=y", "a/2=w"]);
    assert_eq!(pairs(&read(store, Keys::one("a"), None).await), [""; 0]);
    let kv = store.get("a/2").await.expect("a read").expect("the key is there");
    assert_eq!(
        (kv.create_revision, kv.mod_revision, kv.version),
        (revision - 3, revision, 2)
    );
    delete(store, "a/2").await;
    assert!(store.get("a/2").await.expect("a read").is_none());
    let again = put(store, "a/2", "v").await;
    let kv = store.get("a/2").await.expect("a read").expect("the key is there");
    assert_eq!(
        (kv.create_revision, kv.version),
        (again, 1),
        "a key starts anew after its deletion"
    );
}

async fn reads_older_revisions(store: &impl Store) {
    let one = put(store, "k", "1").await;
    let two = put(store, "k", "2").await;
    let gone = delete(store, "k").await;
    put(store, "other", "o").await;
    let back = put(store, "k", "3").await;
    let keys = || Keys::prefix("k");
    for (at, expected) in [
        (one, Some("k=1")),
        (two, Some("k=2")),
        (gone, None),
        (gone + 1, None),
        (back, Some("k=3")),
    ] {
        let result = read(store, keys(), Some(at)).await;
        assert_eq!(pairs(&result).first().map(String::as_str), expected, "at {at}");
        assert_eq!(result.revision, back, "the answer names the newest revision");
    }
    let old = read(store, keys(), Some(two)).await;
    assert_eq!(
        (old.kvs[0].create_revision, old.kvs[0].mod_revision, old.kvs[0].version),
        (one, two, 2)
    );
    let future = store
        .range(Range {
            at: Some(back + 1),
            ..Range::of(keys())
        })
        .await;
    assert!(matches!(future, Err(Error::FutureRevision { asked, newest }) if asked == back + 1 && newest == back));
}

async fn limits_and_keys_only(store: &impl Store) {
    for key in ["p/a", "p/b", "p/c"] {
        put(store, key, "v").await;
    }
    let at = put(store, "q", "v").await;
    put(store, "p/a", "w").await;
    for at in [None, Some(at)] {
        let range = |limit| Range {
            at,
            limit,
            keys_only: true,
            keys: Keys::prefix("p/"),
        };
        let two = store.range(range(2)).await.expect("a range");
        assert_eq!((pairs(&two), two.more), (vec!["p/a=".into(), "p/b=".into()], true));
        let three = store.range(range(3)).await.expect("a range");
        assert_eq!((three.kvs.len(), three.more), (3, false));
    }
}

async fn refuses_wrong_ranges(store: &impl Store) {
    for keys in [
        Keys::one(""),
        Keys::one(vec![b'k'; 5000]),
        Keys::prefix(vec![b'k'; 5000]),
    ] {
        let result = store.range(Range::of(keys)).await;
        assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
    }
}

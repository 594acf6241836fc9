//! Publishing under competition, and what is kept.

use futures_util::future::join_all;
use nines_store::{Keys, Range};
use serde_json::json;
use tempfile::TempDir;

use super::*;

fn key() -> ConfigKey {
    ConfigKey::new("shop", "app")
}

fn text(content: impl Into<String>) -> Publish {
    Publish {
        key: key(),
        format: Format::Text,
        content: content.into(),
        schema: SchemaChange::Keep { otherwise: None },
        author: None,
        note: None,
        if_version: None,
    }
}

fn rollback(version: u64) -> Rollback {
    Rollback {
        key: key(),
        version,
        author: None,
        note: None,
        if_version: None,
    }
}

/// Two servers on one store.
fn replicas() -> (TempDir, Backend, [Configs; 2]) {
    let dir = TempDir::new().unwrap();
    let store = crate::testing::store(dir.path());
    let configs = || Configs::new(store.clone(), Clock::system());
    let pair = [configs(), configs()];
    (dir, store, pair)
}

async fn kept(configs: &Configs) -> Vec<u64> {
    let history = configs.history(&key(), None, 1000).await.unwrap();
    history.versions.iter().rev().map(|item| item.version).collect()
}

#[tokio::test]
async fn concurrent_publishers_of_two_servers_lose_nothing() {
    let (_dir, _store, replicas) = replicas();
    let publishers = (0..32).map(|n| replicas[n % 2].publish(text(format!("content {n}"))));
    let published: Vec<Published> = join_all(publishers).await.into_iter().map(Result::unwrap).collect();
    let mut versions: Vec<u64> = published.iter().map(|published| published.item.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=32).collect::<Vec<u64>>());
    assert_eq!(kept(&replicas[0]).await, versions);
    for published in published {
        let (item, _) = replicas[1].version(&key(), published.item.version).await.unwrap();
        assert_eq!(item, published.item);
    }
}

#[tokio::test]
async fn of_concurrent_compare_and_sets_one_wins() {
    let (_dir, _store, replicas) = replicas();
    let publishers = (0..16).map(|n| {
        let mut publish = text(format!("content {n}"));
        publish.if_version = Some(0);
        replicas[n % 2].publish(publish)
    });
    let results = join_all(publishers).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let lost = results.iter().filter_map(|result| result.as_ref().err());
    assert!(
        lost.into_iter()
            .all(|error| matches!(error, Error::Conflict(said) if said.contains("version 1")))
    );
}

#[tokio::test]
async fn numbers_and_history_outlive_a_deletion() {
    let (_dir, _store, [configs, _]) = replicas();
    for n in 1..=3 {
        configs.publish(text(format!("{n}"))).await.unwrap();
    }
    configs.delete(&key(), None).await.unwrap();
    assert!(matches!(configs.get(&key()).await, Err(Error::NotFound(_))));
    assert!(matches!(configs.delete(&key(), None).await, Err(Error::NotFound(_))));
    let again = configs.publish(text("3")).await.unwrap();
    assert_eq!((again.item.version, again.unchanged), (4, false));
    configs.delete(&key(), Some(4)).await.unwrap();
    let back = configs.rollback(rollback(2)).await.unwrap().item;
    assert_eq!((back.version, back.content.as_str()), (5, "2"));
    assert_eq!(kept(&configs).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_rollback_of_a_deleted_item_brings_its_schema_back() {
    let (_dir, _store, [configs, _]) = replicas();
    let mut publish = text("{}");
    publish.format = Format::Json;
    publish.schema = SchemaChange::Replace(Some(json!({"type": "object"})));
    configs.publish(publish).await.unwrap();
    configs.delete(&key(), None).await.unwrap();
    let back = configs.rollback(rollback(1)).await.unwrap().item;
    assert_eq!(back.schema, Some(json!({"type": "object"})));
}

#[tokio::test]
async fn the_history_is_bounded() {
    let (_dir, store, [configs, _]) = replicas();
    for n in 1..=KEPT_VERSIONS + 5 {
        configs.publish(text(format!("{n}"))).await.unwrap();
    }
    assert_eq!(kept(&configs).await, (6..=KEPT_VERSIONS + 5).collect::<Vec<u64>>());
    let error = configs.rollback(rollback(5)).await.unwrap_err().to_string();
    assert!(error.contains("no version 5; versions 6 to 105 are kept"), "{error}");
    let keys = store.range(Range::of(Keys::prefix("/cfg"))).await.unwrap().kvs.len() as u64;
    assert_eq!(keys, KEPT_VERSIONS + 2);
}

#[tokio::test]
async fn a_rollback_note_names_the_version_and_the_reason() {
    let (_dir, _store, [configs, _]) = replicas();
    configs.publish(text("1")).await.unwrap();
    configs.publish(text("2")).await.unwrap();
    let mut back = rollback(1);
    back.note = Some("too expensive".into());
    let item = configs.rollback(back).await.unwrap().item;
    assert_eq!(item.note.as_deref(), Some("rollback to 1: too expensive"));
}

#[tokio::test]
async fn a_record_that_outgrows_the_store_is_refused_before_it_is_written() {
    let (_dir, store, [configs, _]) = replicas();
    let error = configs.publish(text("\"".repeat(1 << 20))).await.unwrap_err();
    assert!(matches!(&error, Error::TooLarge { path: "content", .. }), "{error}");
    assert_eq!(store.status().await.unwrap().revision, 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named() {
    let (_dir, store, [configs, _]) = replicas();
    store.put("/cfg/shop/app", "nonsense").await.unwrap();
    let error = configs.get(&key()).await.unwrap_err().to_string();
    assert!(error.contains("/cfg/shop/app"), "{error}");
}

#[test]
fn the_time_of_a_publish_is_rfc_3339() {
    let dir = TempDir::new().unwrap();
    let (clock, hand) = Clock::manual();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let configs = Configs::new(crate::testing::store(dir.path()), clock);
    assert_eq!(configs.now(), "1970-01-01T00:00:00.000Z");
    hand.advance(std::time::Duration::from_millis(86_400_250));
    assert_eq!(configs.now(), "1970-01-02T00:00:00.250Z");
}

#[tokio::test]
async fn a_content_is_checked_while_others_have_the_turn() {
    let (_dir, _store, [configs, _]) = replicas();
    let _turn = configs.turns.take(&key()).await;
    let mut wrong = text("{\"a\": ");
    wrong.format = Format::Json;
    let refused = tokio::time::timeout(std::time::Duration::from_secs(30), configs.publish(wrong)).await;
    assert!(matches!(refused, Ok(Err(Error::Problems(_)))), "{refused:?}");
}

#[tokio::test]
async fn a_schema_that_would_not_end_is_refused_by_name() {
    let (_dir, _store, [configs, _]) = replicas();
    let mut endless = text("1");
    endless.format = Format::Json;
    endless.schema = SchemaChange::Replace(Some(json!({"$ref": "#"})));
    let error = configs.publish(endless).await.expect_err("it never ends");
    assert!(
        matches!(&error, Error::Invalid { path, .. } if path == "schema"),
        "{error}"
    );
}

/// The check goes down the stack with each level of the content and with each reference.
#[tokio::test]
async fn the_deepest_that_is_let_through_fits_the_stack() {
    let (_dir, _store, [configs, _]) = replicas();
    let mut defs = serde_json::Map::new();
    for level in 0..30 {
        defs.insert(
            format!("x{level}"),
            json!({"anyOf": [{"$ref": format!("#/$defs/x{}", level + 1)}]}),
        );
    }
    defs.insert("x30".into(), json!({"properties": {"a": {"$ref": "#/$defs/x0"}}}));
    let deepest = |levels: usize| {
        let mut publish = text(format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels)));
        publish.format = Format::Json;
        publish.schema = SchemaChange::Replace(Some(json!({"$defs": defs.clone(), "$ref": "#/$defs/x0"})));
        publish
    };
    let mut taken = 0;
    for levels in (1..200).step_by(6) {
        taken += u32::from(configs.publish(deepest(levels)).await.is_ok());
    }
    assert!(taken > 3, "{taken}");
}

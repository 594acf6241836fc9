//! What stays in force when the control plane's history begins anew.

use super::*;
use nines_model::{
    Change, ConfigItem, ConfigKey, Format, Instance, InstanceKey, InstanceState, Port, Protocol, Registration,
    ServiceKey,
};
use nines_wire::convert::change_to_proto;

const OURS: u64 = 7;
const OTHER: u64 = 8;

/// A document (`a`, `b`) or an instance (`1`, `2`) of the service with its number.
fn subject(name: char) -> Change {
    if name.is_ascii_digit() {
        let key = InstanceKey::new(ServiceKey::new("shop", format!("s{name}")), "i".to_owned());
        let registration = Registration {
            address: "10.0.0.1".parse().expect("an address"),
            ports: vec![Port {
                name: "http".into(),
                number: 80,
                protocol: Protocol::default(),
            }],
            labels: Default::default(),
            weight: 100,
            state: InstanceState::Ready,
        };
        return Change::Instance(Instance::join(key, &registration, true, None, 1));
    }
    Change::Config(ConfigItem {
        key: ConfigKey::new("shop", name.to_string()),
        version: 1,
        format: Format::Text,
        content: "x".into(),
        schema: None,
        sha256: "0".repeat(64),
        author: None,
        note: None,
        published_at: "2026-01-01T00:00:00Z".into(),
        revision: 1,
    })
}

fn batch(store: u64, revision: u64, full: bool, subjects: &str) -> proto::Batch {
    let changes = subjects
        .chars()
        .map(|name| change_to_proto(&subject(name), revision).expect("it converts"));
    proto::Batch {
        revision,
        full,
        changes: changes.collect(),
        history: (store != 0).then_some(proto::History { store, opening: 1 }),
    }
}

fn names(view: &View) -> String {
    let catalog = view.in_force();
    let services = catalog.instances.keys().map(|key| key.name[1..].to_owned());
    catalog
        .configs
        .keys()
        .map(|key| key.name.clone())
        .chain(services)
        .collect()
}

fn view(store: u64, revision: u64, subjects: &str) -> View {
    let mut view = View::default();
    let whole = view.apply(batch(store, revision, true, subjects), &Arc::default());
    whole.expect("a full state");
    view
}

#[test]
fn a_history_that_begins_anew_without_documents_keeps_the_former_ones() {
    // Known before, then the full state that comes, then what is in force and whether that is from before.
    let table = [
        ("an empty store", (OURS, 14, "a1"), (OTHER, 2, ""), "a1", true),
        ("whatever its revision", (OURS, 14, "a1"), (OTHER, 20, ""), "a1", true),
        (
            "services register again",
            (OURS, 14, "a1"),
            (OTHER, 3, "2"),
            "a12",
            true,
        ),
        (
            "a store with documents is believed",
            (OURS, 14, "a1"),
            (OTHER, 3, "b"),
            "b",
            false,
        ),
        ("as is a backup", (OURS, 14, "ab"), (OURS, 12, "a"), "a", false),
        ("but not an empty one", (OURS, 14, "ab"), (OURS, 12, ""), "ab", true),
        (
            "without documents instances count",
            (OURS, 14, "12"),
            (OTHER, 2, ""),
            "12",
            true,
        ),
        ("until one is back", (OURS, 14, "12"), (OTHER, 2, "1"), "1", false),
        (
            "deleted documents are gone",
            (OURS, 14, "a1"),
            (OURS, 15, "1"),
            "1",
            false,
        ),
        (
            "an older server goes by the revision",
            (0, 14, "a"),
            (0, 2, ""),
            "a",
            true,
        ),
        ("which may say too little", (0, 14, "a"), (0, 20, ""), "", false),
    ];
    for (name, (store, revision, known), (new_store, new_revision, new), expected, former) in table {
        let mut view = view(store, revision, known);
        let taken = view.apply(batch(new_store, new_revision, true, new), &Arc::default());
        taken.expect("a full state");
        assert_eq!(
            (names(&view).as_str(), view.holds_former()),
            (expected, former),
            "{name}"
        );
        assert_eq!(view.in_force().revision, new_revision, "{name}");
    }
}

#[test]
fn the_first_document_of_a_new_history_ends_the_former_one() {
    let mut view = view(OURS, 14, "a1");
    for (revision, full, subjects, expected) in [
        (2, true, "", "a1"),
        (3, false, "1", "a1"),
        (3, true, "1", "a1"),
        (4, false, "b", "b1"),
    ] {
        let taken = view.apply(batch(OTHER, revision, full, subjects), &Arc::default());
        taken.expect("a batch that fits");
        assert_eq!(names(&view), expected, "at {revision}");
    }
    assert!(!view.holds_former());
    let gone = Change::ConfigGone(ConfigKey::new("shop", "b"));
    let mut empty = batch(OTHER, 5, false, "");
    empty.changes.push(change_to_proto(&gone, 5).expect("it converts"));
    view.apply(empty, &Arc::default()).expect("a batch that fits");
    assert_eq!(names(&view), "1", "what the new history deletes is gone");
}

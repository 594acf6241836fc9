//! Configuration as tables.

use nines_wire::rest::{ConfigListView, ConfigStatusView, HistoryView, SubscriberVersion, VersionState};

use crate::output::{Field, Mood, Rows, Style};

pub(super) fn items(answer: &ConfigListView, namespace: &str, style: Style) -> String {
    let mut rows = Rows::new(["NAME", "VERSION", "FORMAT", "BYTES", "PUBLISHED", "AUTHOR", "NOTE"]);
    for item in &answer.configs {
        let current = &item.current;
        rows.add([
            Field::from(&item.name),
            Field::from(current.version),
            Field::from(current.format),
            Field::from(current.size),
            Field::from(&current.published_at),
            Field::from(text(current.author.as_deref())),
            Field::from(text(current.note.as_deref())),
        ]);
    }
    rows.render(style, &format!("no configuration in namespace {namespace}"))
}

pub(super) fn history(answer: &HistoryView, style: Style) -> String {
    let mut rows = Rows::new(["VERSION", "PUBLISHED", "AUTHOR", "BYTES", "SHA-256", "NOTE"]);
    for version in &answer.versions {
        rows.add([
            Field::from(version.version),
            Field::from(&version.published_at),
            Field::from(text(version.author.as_deref())),
            Field::from(version.size),
            Field::from(version.sha256.get(..12).unwrap_or(&version.sha256)),
            Field::from(text(version.note.as_deref())),
        ]);
    }
    rows.render(style, "no version")
}

pub(super) fn status(answer: &ConfigStatusView, style: Style) -> String {
    let mut rows = Rows::new(["SUBSCRIBER", "STATE", "VERSION", "REASON"]);
    for subscriber in &answer.subscribers {
        rows.add([
            Field::from(text(Some(&subscriber.subscriber))),
            state(subscriber),
            Field::from(subscriber.version.map_or("-".into(), |version| version.to_string())),
            Field::from(text(subscriber.reason.as_deref())),
        ]);
    }
    format!(
        "version {} is in force\n{}",
        answer.version,
        rows.render(style, "nobody subscribes to it")
    )
}

fn state(subscriber: &SubscriberVersion) -> Field {
    match subscriber.state {
        VersionState::Current => Field::new("current", Mood::Good),
        VersionState::Behind => Field::new("behind", Mood::Warning),
        VersionState::Rejected => Field::new("rejected", Mood::Bad),
        VersionState::Unknown => Field::new("unknown", Mood::Neutral),
    }
}

/// What somebody wrote, on one line and without what could steer a terminal.
fn text(text: Option<&str>) -> String {
    let text = text.unwrap_or("-");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_model::Format;
    use nines_wire::rest::{ConfigSummary, VersionSummary};

    fn version(note: &str) -> VersionSummary {
        VersionSummary {
            version: 3,
            format: Format::Json,
            size: 15,
            sha256: "0123456789abcdef".into(),
            author: None,
            note: Some(note.into()),
            published_at: "2026-01-31T12:00:00Z".into(),
            revision: 7,
        }
    }

    #[test]
    fn the_history_as_a_table() {
        let answer = HistoryView {
            revision: 7,
            versions: vec![version("a\u{1b}[31m\nb")],
            next: None,
        };
        assert_eq!(
            history(&answer, Style::Plain),
            "VERSION  PUBLISHED             AUTHOR  BYTES  SHA-256       NOTE
3        2026-01-31T12:00:00Z  -       15     0123456789ab  a [31m b
"
        );
    }

    #[test]
    fn items_as_a_table() {
        let item = ConfigSummary {
            namespace: "default".into(),
            name: "a".into(),
            current: version("x"),
        };
        let mut answer = ConfigListView {
            revision: 7,
            configs: vec![item],
            next: None,
        };
        assert_eq!(
            items(&answer, "default", Style::Plain),
            "NAME  VERSION  FORMAT  BYTES  PUBLISHED             AUTHOR  NOTE
a     3        json    15     2026-01-31T12:00:00Z  -       x
"
        );
        answer.configs.clear();
        assert_eq!(
            items(&answer, "shop", Style::Plain),
            "no configuration in namespace shop\n"
        );
    }

    #[test]
    fn who_runs_what_as_a_table() {
        let subscriber = |name: &str, state, version, reason: Option<&str>| SubscriberVersion {
            subscriber: name.into(),
            state,
            version,
            reason: reason.map(Into::into),
        };
        let answer = ConfigStatusView {
            revision: 7,
            version: 3,
            subscribers: vec![
                subscriber("orders-1", VersionState::Current, Some(3), None),
                subscriber(
                    "orders-2",
                    VersionState::Rejected,
                    Some(3),
                    Some("percent is above 100"),
                ),
                subscriber("orders-3", VersionState::Unknown, None, None),
            ],
        };
        assert_eq!(
            status(&answer, Style::Plain),
            "version 3 is in force
SUBSCRIBER  STATE     VERSION  REASON
orders-1    current   3        -
orders-2    rejected  3        percent is above 100
orders-3    unknown   -        -
"
        );
    }
}

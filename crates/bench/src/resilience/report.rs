//! The result, as a table for people and as JSON.

use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::{Value, json};

use super::Contender;

/// One round of one contender, in nanoseconds a call.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) alone: f64,
    pub(crate) together: f64,
}

/// What does not change from round to round.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    group: &'static str,
    name: &'static str,
    allocations: f64,
    bytes: Option<u64>,
}

/// All rounds.
#[derive(Debug, Default)]
pub(crate) struct Report {
    entries: Vec<Entry>,
    rows: Vec<Row>,
}

/// A contender's medians, and those of its ratios to the first of its group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Median {
    alone_nanos: f64,
    alone_ratio: f64,
    together_nanos: f64,
    together_ratio: f64,
}

impl Report {
    pub(crate) fn begin(&mut self, group: &'static str, contender: &Contender, allocations: f64) {
        self.entries.push(Entry {
            group,
            name: contender.name,
            allocations,
            bytes: contender.bytes,
        });
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn table(&self, group: &str) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        let header = [
            group,
            "ns/call",
            "÷ first",
            "ns/call, all cores",
            "÷ first",
            "allocations/call",
        ];
        let entries: Vec<&Entry> = self.entries.iter().filter(|entry| entry.group == group).collect();
        let held = entries.iter().any(|entry| entry.bytes.is_some());
        table.set_header(header.into_iter().chain(held.then_some("MB held")));
        for entry in entries {
            let median = self.median(entry);
            let bytes = entry.bytes.map(|bytes| format!("{:.1}", bytes as f64 / 1e6));
            let cells = [
                entry.name.to_string(),
                format!("{:.1}", median.alone_nanos),
                format!("{:.2}", median.alone_ratio),
                format!("{:.1}", median.together_nanos),
                format!("{:.2}", median.together_ratio),
                format!("{:.2}", entry.allocations),
            ];
            table.add_row(cells.into_iter().chain(bytes));
        }
        table.to_string()
    }

    pub(crate) fn json(&self) -> Value {
        let medians = self
            .entries
            .iter()
            .map(|entry| json!({"of": entry, "median": self.median(entry)}));
        json!({"medians": medians.collect::<Vec<_>>(), "rounds": self.rows})
    }

    fn median(&self, entry: &Entry) -> Median {
        let first = self
            .entries
            .iter()
            .find(|other| other.group == entry.group)
            .unwrap_or(entry);
        let (own, other) = (self.rounds(entry), self.rounds(first));
        let ratio = |part: fn(&Row) -> f64| {
            own.iter()
                .zip(&other)
                .map(|(own, first)| part(own) / part(first))
                .collect()
        };
        let part = |part: fn(&Row) -> f64| own.iter().map(|row| part(row)).collect();
        Median {
            alone_nanos: middle(part(|row| row.alone)),
            alone_ratio: middle(ratio(|row| row.alone)),
            together_nanos: middle(part(|row| row.together)),
            together_ratio: middle(ratio(|row| row.together)),
        }
    }

    fn rounds(&self, entry: &Entry) -> Vec<&Row> {
        let own = |row: &&Row| row.group == entry.group && row.name == entry.name;
        self.rows.iter().filter(own).collect()
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disturbance_of_one_round_does_not_move_the_ratio() {
        let mut report = Report::default();
        for name in ["nines", "other"] {
            report.begin("group", &Contender::new(name, |_| {}), 0.0);
        }
        for (nines, other) in [(10.0, 20.0), (30.0, 60.0), (12.0, 24.0)] {
            for (name, nanos) in [("nines", nines), ("other", other)] {
                report.add(Row {
                    group: "group",
                    name,
                    alone: nanos,
                    together: nanos * 2.0,
                });
            }
        }
        let median = report.median(&report.entries[1]);
        assert_eq!(
            (
                median.alone_nanos,
                median.alone_ratio,
                median.together_nanos,
                median.together_ratio
            ),
            (24.0, 2.0, 48.0, 2.0)
        );
        assert!(
            report.table("group").contains("| other | 24.0    | 2.00"),
            "{}",
            report.table("group")
        );
    }
}

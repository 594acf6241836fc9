//! The result, as a table for people and as JSON.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::{Value, json};

use super::system::Running;

/// One round of one system.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) system: &'static str,
    pub(crate) connections: u32,
    pub(crate) cpu_micros: f64,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_micros: f64,
    pub(crate) p99_micros: f64,
}

/// All rounds.
#[derive(Debug)]
pub(crate) struct Report {
    systems: Vec<&'static str>,
    rows: Vec<Row>,
    idle: BTreeMap<&'static str, f64>,
}

impl Report {
    pub(crate) fn new(systems: &[Running]) -> Self {
        Self {
            systems: systems.iter().map(Running::name).collect(),
            rows: Vec::new(),
            idle: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn add_idle(&mut self, system: &'static str, bytes: f64) {
        self.idle.insert(system, bytes);
    }

    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header([
            "proxy",
            "conns",
            "CPU µs/request",
            "÷ HAProxy",
            "requests/s",
            "p50 µs",
            "p99 µs",
        ]);
        for row in self.medians() {
            let ratio = self
                .ratio(&row)
                .map_or_else(|| "-".into(), |ratio| format!("{ratio:.2}"));
            table.add_row([
                row.system.to_string(),
                row.connections.to_string(),
                format!("{:.2}", row.cpu_micros),
                ratio,
                format!("{:.0}", row.requests_per_second),
                format!("{:.0}", row.p50_micros),
                format!("{:.0}", row.p99_micros),
            ]);
        }
        let idle = self
            .idle
            .iter()
            .map(|(system, bytes)| format!("{system}: {bytes:.0} bytes per idle connection"));
        std::iter::once(table.to_string())
            .chain(idle)
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(crate) fn json(&self) -> Value {
        let medians: Vec<Value> = self
            .medians()
            .iter()
            .map(|row| json!({"median": row, "ratioToHaproxy": self.ratio(row)}))
            .collect();
        json!({"medians": medians, "rounds": self.rows, "idleBytesPerConnection": self.idle})
    }

    /// The round with the median CPU of each system at each number of connections.
    fn medians(&self) -> Vec<Row> {
        let mut connections: Vec<u32> = self.rows.iter().map(|row| row.connections).collect();
        connections.sort_unstable();
        connections.dedup();
        let cells = connections
            .iter()
            .flat_map(|count| self.systems.iter().map(move |system| (*count, *system)));
        cells.filter_map(|(count, system)| self.median(count, system)).collect()
    }

    fn median(&self, connections: u32, system: &str) -> Option<Row> {
        let fits = |row: &&Row| row.connections == connections && row.system == system;
        let mut rows: Vec<&Row> = self.rows.iter().filter(fits).collect();
        rows.sort_by(|a, b| a.cpu_micros.total_cmp(&b.cpu_micros));
        rows.get(rows.len() / 2).map(|row| (*row).clone())
    }

    /// The median of the ratios within each round: what disturbs the machine for a while disturbs both sides of a round.
    fn ratio(&self, row: &Row) -> Option<f64> {
        let rounds = |system: &str| -> Vec<f64> {
            let fits = |other: &&Row| other.connections == row.connections && other.system == system;
            self.rows.iter().filter(fits).map(|row| row.cpu_micros).collect()
        };
        let mut ratios: Vec<f64> = rounds(row.system)
            .iter()
            .zip(rounds("haproxy"))
            .map(|(own, other)| own / other)
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disturbance_of_one_round_does_not_move_the_ratio() {
        let mut report = Report {
            systems: vec!["nines", "haproxy"],
            rows: Vec::new(),
            idle: BTreeMap::new(),
        };
        for (nines, haproxy) in [(8.0, 10.0), (24.0, 30.0), (16.0, 20.0)] {
            for (system, cpu_micros) in [("nines", nines), ("haproxy", haproxy)] {
                let (requests_per_second, p50_micros, p99_micros) = (1.0, 1.0, 1.0);
                report.add(Row {
                    system,
                    connections: 64,
                    cpu_micros,
                    requests_per_second,
                    p50_micros,
                    p99_micros,
                });
            }
        }
        let ratios: Vec<f64> = report.medians().iter().filter_map(|row| report.ratio(row)).collect();
        assert!(
            (ratios[0] - 0.8).abs() < 1e-9 && (ratios[1] - 1.0).abs() < 1e-9,
            "{ratios:?}"
        );
    }
}

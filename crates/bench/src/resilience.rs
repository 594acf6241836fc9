//! What a call through each part of the resilience library costs, beside what others offer for the same.
//!
//! Each contender runs the same loop: first one thread alone, then one on each core, all on the same object. Within a
//! round the contenders of a group take turns; the median of the rounds counts, and the ratio is the median of the ratios
//! within each round, so that what disturbs the machine for a while disturbs both sides. Allocations are counted in a
//! loop of their own.

mod breakers;
mod contender;
mod cores;
mod jobs;
mod layers;
mod limits;
mod measure;
mod memory;
mod report;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use contender::{Contender, Group};
use report::{Report, Row};

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds; the contenders of a group take turns within each.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Calls of each thread in each round.
    #[arg(long, default_value_t = 500_000)]
    calls: u64,
    /// Only groups whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Keys of the keyed limit.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Writes the result as JSON as well.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(
        options.rounds > 0 && options.calls > 0 && options.keys > 0,
        "rounds, calls and keys start at 1"
    );
    // Timers of layers need a runtime that they can find.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()?;
    let _inside = runtime.enter();
    let mut report = Report::default();
    for group in groups(options) {
        run_group(&group, options, &runtime, &mut report);
        println!("{}\n", report.table(group.name));
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report.json())?)?;
    }
    Ok(())
}

fn groups(options: &Options) -> Vec<Group> {
    let all: [fn(&Options) -> Vec<Group>; 5] = [
        breakers::groups,
        limits::groups,
        cores::groups,
        layers::groups,
        jobs::groups,
    ];
    let groups = all.into_iter().flat_map(|make| make(options));
    groups.filter(|group| group.name.contains(&options.only)).collect()
}

fn run_group(group: &Group, options: &Options, runtime: &tokio::runtime::Runtime, report: &mut Report) {
    for contender in &group.contenders {
        report.begin(group.name, contender, measure::allocations(contender));
    }
    for round in 1..=options.rounds {
        eprintln!("{}, round {round} of {}", group.name, options.rounds);
        for contender in &group.contenders {
            report.add(Row {
                group: group.name,
                name: contender.name,
                alone: measure::alone(contender, options.calls),
                together: measure::together(contender, options.calls, runtime),
            });
        }
    }
}

//! One proxy process on core 0; wrk and an nginx backend on core 1; HTTP/1.1 keep-alive in the clear on loopback.
//! What counts is the CPU time of the proxy process alone, divided by the requests served: it does not depend on who
//! of load generator, proxy and backend is the bottleneck.

mod idle;
mod load;
mod report;
mod system;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use report::{Report, Row};
use system::{Backend, Contender, Running};

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds of load in each round.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Rounds; the systems take turns within each. The median counts, of the ratios that within each round.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Connection counts.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 512])]
    connections: Vec<u32>,
    /// Idle connections for the memory measurement; 0 skips it.
    #[arg(long, default_value_t = 8000)]
    idle: usize,
    /// Writes the result as JSON as well.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    for tool in ["wrk", "nginx", "taskset"] {
        if !system::installed(tool) {
            println!(
                "skipped: `{tool}` is not installed; the bench needs wrk and nginx (Debian: apt-get install wrk nginx-light haproxy)"
            );
            return Ok(());
        }
    }
    let folder = tempfile::tempdir()?;
    let backend = Backend::start(folder.path())?;
    let mut running = Vec::new();
    for contender in Contender::ALL {
        if contender.installed() {
            running.push(Running::start(contender, &backend, folder.path())?);
        } else {
            println!("skipped: {} is not installed", contender.name());
        }
    }
    let mut report = Report::new(&running);
    // Before any load, while no process has memory left over that idle connections could hide in.
    if options.idle > 0 {
        for system in &running {
            report.add_idle(system.name(), idle::bytes_per_connection(system, options.idle)?);
        }
    }
    for connections in &options.connections {
        for round in 1..=options.rounds {
            for system in &running {
                eprintln!("{} connections, round {round}: {}", connections, system.name());
                report.add(measure(system, *connections, options.seconds)?);
            }
        }
    }
    println!("{}", report.table());
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report.json())?)?;
    }
    Ok(())
}

fn measure(system: &Running, connections: u32, seconds: u32) -> Result<Row> {
    load::run(system.port(), connections, 1)?;
    let before = system.cpu()?;
    let load = load::run(system.port(), connections, seconds)?;
    let spent = system.cpu()? - before;
    if load.requests == 0 || load.failed > 0 {
        bail!(
            "{}: {} of {} requests failed; the measurement is void",
            system.name(),
            load.failed,
            load.requests
        );
    }
    Ok(Row {
        system: system.name(),
        connections,
        cpu_micros: spent.as_secs_f64() * 1e6 / load.requests as f64,
        requests_per_second: load.requests as f64 / f64::from(seconds),
        p50_micros: load.p50_micros,
        p99_micros: load.p99_micros,
    })
}

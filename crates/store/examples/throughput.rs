//! Durable writes per second with 1, 64 and 512 concurrent writers, 256-byte values, every write synced:
//! `cargo run --release -p nines-store --example throughput [DIR]`.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nines_base::Clock;
use nines_store::{Config, Embedded, Store};

const TIME: Duration = Duration::from_secs(4);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    println!("{:>8} {:>10} {:>10} {:>10}", "writers", "writes/s", "p50 ms", "p99 ms");
    for writers in [1, 64, 512] {
        let dir = root.join(format!("nines-throughput-{}-{writers}", std::process::id()));
        let store = Embedded::open(&dir, Config::default())?;
        let mut times = measure(&store, writers).await?;
        drop(store);
        std::fs::remove_dir_all(&dir)?;
        times.sort_unstable();
        let rate = times.len() as f64 / TIME.as_secs_f64();
        let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1000.0;
        println!("{writers:>8} {rate:>10.0} {:>10.2} {:>10.2}", at(0.5), at(0.99));
    }
    Ok(())
}

async fn measure(store: &Embedded, writers: usize) -> nines_store::Result<Vec<Duration>> {
    let clock = Clock::system();
    let end = clock.now() + TIME;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        tasks.spawn(write(store.clone(), clock.clone(), writer, end));
    }
    let mut all = Vec::new();
    for times in tasks.join_all().await {
        all.extend(times?);
    }
    Ok(all)
}

async fn write(store: Embedded, clock: Clock, writer: usize, end: Instant) -> nines_store::Result<Vec<Duration>> {
    let value = bytes::Bytes::from(vec![7; 256]);
    let mut times = Vec::new();
    for n in 0.. {
        let start = clock.now();
        if start >= end {
            break;
        }
        store
            .put(format!("/bench/{writer}/{}", n % 1000), value.clone())
            .await?;
        times.push(clock.now() - start);
    }
    Ok(times)
}

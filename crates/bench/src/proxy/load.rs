//! The load: wrk, one thread, on core 1.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// What wrk saw.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Load {
    pub(crate) requests: u64,
    /// Other answers than 2xx and 3xx, and socket errors.
    pub(crate) failed: u64,
    pub(crate) p50_micros: f64,
    pub(crate) p99_micros: f64,
}

pub(crate) fn run(port: u16, connections: u32, seconds: u32) -> Result<Load> {
    let output = Command::new("taskset")
        .args(["-c", "1", "wrk", "--latency", "-t1"])
        .args([
            format!("-c{connections}"),
            format!("-d{seconds}s"),
            format!("http://127.0.0.1:{port}/orders/1"),
        ])
        .output()
        .context("cannot run wrk")?;
    if !output.status.success() {
        bail!("wrk failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(text: &str) -> Load {
    let mut load = Load::default();
    for line in text.lines().map(str::trim) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["50%", time] => load.p50_micros = micros(time),
            ["99%", time] => load.p99_micros = micros(time),
            [count, "requests", "in", ..] => load.requests = number(count),
            ["Non-2xx", .., count] => load.failed += number(count),
            ["Socket", "errors:", counts @ ..] => load.failed += counts.iter().map(|count| number(count)).sum::<u64>(),
            _ => {}
        }
    }
    load
}

fn number(text: &str) -> u64 {
    text.trim_matches(',').parse().unwrap_or(0)
}

fn micros(text: &str) -> f64 {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    let found = units
        .iter()
        .find_map(|(unit, size)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * size));
    found.unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_wrk_prints() {
        let text = "  Latency Distribution\n     50%  611.00us\n     75%    0.95ms\n     99%    1.72ms\n  \
                    594172 requests in 6.10s, 150.15MB read\n  Socket errors: connect 0, read 2, write 0, timeout 1\n  \
                    Non-2xx or 3xx responses: 7\n";
        let expected = Load {
            requests: 594_172,
            failed: 10,
            p50_micros: 611.0,
            p99_micros: 1720.0,
        };
        assert_eq!(parse(text), expected);
    }
}

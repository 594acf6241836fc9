//! `nines status`.

use nines_wire::rest::StatusView;

use super::Context;
use crate::exit::Failure;
use crate::output::pairs;

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let status = context.rest.status().await?;
    context.output.show(&status, |_| render(&status))
}

fn render(status: &StatusView) -> String {
    let store = &status.store;
    pairs(&[
        ("version", status.version.clone()),
        (
            "uptime",
            nines_base::duration::format(std::time::Duration::from_secs(status.uptime.as_secs())),
        ),
        ("revision", status.revision.to_string()),
        (
            "services",
            format!("{} with {} instances", status.services, status.instances),
        ),
        ("configs", status.configs.to_string()),
        ("resources", status.resources.to_string()),
        ("namespaces", status.namespaces.to_string()),
        (
            "sessions",
            format!("{} registering, {} subscribed", status.sessions, status.subscribers),
        ),
        (
            "store",
            format!("{} keys, {} leases, {}", store.keys, store.leases, size(store.size)),
        ),
        (
            "history",
            match store.revision {
                0 => "empty".to_owned(),
                newest => format!("from revision {} to {newest}", store.compacted.max(1)),
            },
        ),
    ])
}

fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_wire::rest::StoreView;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn the_server_in_numbers() {
        let status = StatusView {
            version: "0.1.0".into(),
            uptime: std::time::Duration::from_secs(5400),
            revision: 57,
            store: StoreView {
                revision: 57,
                compacted: 0,
                keys: 21,
                leases: 4,
                size: 1 << 20,
            },
            subscribers: 2,
            sessions: 4,
            namespaces: 1,
            services: 3,
            instances: 5,
            configs: 1,
            resources: 4,
        };
        assert_eq!(
            render(&status),
            "version     0.1.0
uptime      1h30m
revision    57
services    3 with 5 instances
configs     1
resources   4
namespaces  1
sessions    4 registering, 2 subscribed
store       21 keys, 4 leases, 1.0 MiB
history     from revision 1 to 57
"
        );
    }
}

//! `nines proxy`: the life of a data plane on one screen.

use nines_base::{Clock, Kind};
use nines_proxy::config::Admin;
use nines_proxy::{Config, Control, Error, Proxy, Source};
use nines_runtime::signal::Termination;

use super::role;
use crate::cli::{Global, ProxyArgs};
use crate::exit::Failure;

/// Listeners, logs, the admin pages, the control plane.
const OTHER_FILES: usize = 1000;

pub(crate) async fn run(global: Global, args: ProxyArgs) -> Result<(), Failure> {
    role::log(&args.log)?;
    let mut termination = Termination::listen()?;
    let config = Config {
        workers: args.workers.map(Into::into),
        admin: Admin { address: args.admin },
        access_log: args.access_log.into(),
        forwarding: args.forwarding.into(),
        ..Config::default()
    };
    // Each client connection, each request's connection to an endpoint, and what else there is.
    role::open_files(config.limits.connections + config.limits.in_flight + OTHER_FILES);
    let source = match args.config {
        Some(path) => Source::Files(path),
        None => Source::Control(Control {
            servers: global.server,
            data_dir: args.data_dir,
        }),
    };

    let proxy = Proxy::start(config, source, Clock::system())
        .await
        .map_err(|error| failure(&error))?;
    role::say(&format!("nines proxy admin pages on http://{}", proxy.admin_addr()))?;
    for (listener, address) in proxy.listener_addrs() {
        role::say(&format!("{listener} listening on http://{address}"))?;
    }

    let signal = termination.received().await;
    tracing::info!(signal, "draining");
    let report = tokio::select! {
        report = proxy.shutdown(args.drain) => report,
        signal = termination.received() => return Err(Failure::Refused(format!("{signal} while draining: stopped at once"))),
    };
    match report.aborted {
        0 => Ok(()),
        aborted => Err(Failure::Refused(format!(
            "{aborted} connections were cut off after {:?}",
            args.drain
        ))),
    }
}

/// What the user can mend by another argument is wrong use.
fn failure(error: &Error) -> Failure {
    match error.kind() {
        Kind::InvalidArgument | Kind::FailedPrecondition => Failure::Misuse(error.to_string()),
        _ => Failure::Refused(error.to_string()),
    }
}

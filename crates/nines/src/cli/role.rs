//! The roles: commands that run until they are told to stop.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;

#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// Where gRPC, REST and the console are served; port 0 picks a free one and prints it
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9999")]
    pub(crate) listen: SocketAddr,
    /// Names by which browsers may open the server, beside IP addresses and localhost; on loopback programs need it too
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) host_name: Vec<String>,
    /// Where the state is kept
    #[arg(long, value_name = "DIR", default_value = ".nines")]
    pub(crate) data_dir: PathBuf,
    /// How long a stop may take before what is left is cut off
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) drain: Duration,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ProxyArgs {
    /// Serve from this file or folder of resources instead of a control plane
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) config: Option<PathBuf>,
    /// Where /metrics, /livez, /readyz and /config are served
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9998")]
    pub(crate) admin: SocketAddr,
    /// Worker threads; one for each core if absent
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<NonZeroU16>,
    /// Where the last known good state is kept
    #[arg(long, value_name = "DIR", default_value = ".nines")]
    pub(crate) data_dir: PathBuf,
    /// One JSON line for each request: off, stdout or a file
    #[arg(long, value_name = "off|stdout|FILE", default_value = "off")]
    pub(crate) access_log: AccessLogArg,
    #[command(flatten)]
    pub(crate) forwarding: ForwardingArgs,
    /// How long a stop may take before what is left is cut off
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) drain: Duration,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// What backends are told of the client, and whom to believe.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Forwarding")]
pub(crate) struct ForwardingArgs {
    /// The client is itself a trusted proxy: continue its x-forwarded-* and forwarded, keep its x-request-id and x-nines-*
    #[arg(long)]
    pub(crate) trust_client: bool,
    /// Do not send x-forwarded-for, x-forwarded-proto and x-forwarded-host
    #[arg(long)]
    pub(crate) no_x_forwarded: bool,
    /// Send `forwarded` (RFC 7239)
    #[arg(long)]
    pub(crate) forwarded: bool,
    /// Send `via` (RFC 9110 section 7.6.3) under this pseudonym
    #[arg(long, value_name = "NAME")]
    pub(crate) via: Option<String>,
    /// Do not make and send x-request-id
    #[arg(long)]
    pub(crate) no_request_id: bool,
}

impl From<ForwardingArgs> for nines_proxy::config::Forwarding {
    fn from(args: ForwardingArgs) -> Self {
        Self {
            trust_client: args.trust_client,
            x_forwarded: !args.no_x_forwarded,
            forwarded: args.forwarded,
            via: args.via,
            request_id: !args.no_request_id,
        }
    }
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccessLogArg {
    Off,
    Stdout,
    File(PathBuf),
}

impl std::str::FromStr for AccessLogArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("name a file, or write off or stdout".into()),
            "off" => Ok(AccessLogArg::Off),
            "stdout" => Ok(AccessLogArg::Stdout),
            path => Ok(AccessLogArg::File(path.into())),
        }
    }
}

impl From<AccessLogArg> for nines_proxy::config::AccessLog {
    fn from(log: AccessLogArg) -> Self {
        match log {
            AccessLogArg::Off => Self::Off,
            AccessLogArg::Stdout => Self::Stdout,
            AccessLogArg::File(path) => Self::File(path),
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct UpArgs {
    /// The stack file
    #[arg(value_name = "STACK")]
    pub(crate) stack: PathBuf,
    /// Start the stack, send its checks through the gateway, stop it; exit 0 or 1
    #[arg(long)]
    pub(crate) check: bool,
    /// Where state and logs are kept
    #[arg(long, value_name = "DIR", default_value = ".nines")]
    pub(crate) data_dir: PathBuf,
}

/// What is logged, on standard error.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogArgs {
    /// A level, or a list of target=level: `info,nines_proxy=debug`
    #[arg(long = "log", env = "NINES_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) filter: String,
    /// Lines for people or for machines
    #[arg(long = "log-format", env = "NINES_LOG_FORMAT", value_enum, value_name = "FORMAT", default_value_t = LogFormat::Human)]
    pub(crate) format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Human,
    Json,
}

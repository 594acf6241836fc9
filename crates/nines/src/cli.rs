//! The command line: every command, its options and its help, as plain data. What a command does is in [`crate::cmd`].

mod config;
mod role;
mod service;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(crate) use config::{ConfigCommand, PutArgs, VersionArg, WhyArgs};
pub(crate) use role::{LogArgs, LogFormat, ProxyArgs, ServerArgs, UpArgs};
pub(crate) use service::{InstanceArgs, ServiceCommand, WeightArgs};

/// Where a control plane listens unless told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:9999";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "nines",
    version,
    about = "Keeps a fleet of services at four nines: registry, configuration centre and gateway in one binary",
    after_help = "Start here:\n  nines up examples/shop/stack.yaml   a whole system on this machine\n  nines status                        is the control plane well?\n  nines COMMAND --help                examples for each command\n\nExit codes: 0 done, 1 the system says no, 2 wrong use.",
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 110
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that `nines up` has no use for: its control plane is its own, and its file says which namespaces there are.
const NOT_FOR_UP: [&str; 2] = ["server", "namespace"];

impl Cli {
    /// Reads a command line. Variables that fill in for an option are no mistake where the option would be.
    pub(crate) fn read(line: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(line)?;
        if let Some(up) = matches.subcommand_matches("up") {
            let given = |option: &&str| up.value_source(option) == Some(ValueSource::CommandLine);
            if let Some(option) = NOT_FOR_UP.into_iter().find(given) {
                let message = format!("--{option} does not go with `nines up`: the stack file says it all");
                return Err(command.error(ErrorKind::ArgumentConflict, message));
            }
        }
        Self::from_arg_matches(&matches)
    }
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct Global {
    /// Control plane to talk to; a proxy takes several replicas, with commas
    #[arg(
        long,
        global = true,
        env = "NINES_SERVER",
        value_name = "URL",
        default_value = DEFAULT_SERVER,
        value_delimiter = ',',
        value_parser = server_url
    )]
    pub(crate) server: Vec<String>,
    /// Namespace of the services, configurations and resources
    #[arg(
        long,
        short = 'n',
        global = true,
        env = "NINES_NAMESPACE",
        value_name = "NAME",
        default_value = "default"
    )]
    pub(crate) namespace: String,
    /// How results are printed
    #[arg(long, short = 'o', global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub(crate) output: Format,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: plain when piped, without colours when NO_COLOR is set.
    Table,
    Json,
    Yaml,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole system on this machine from one stack file
    #[command(
        after_help = "Examples:\n  nines up stack.yaml           run it until Ctrl-C, then drain everything\n  nines up stack.yaml --check   start it, send real requests through the gateway, stop it"
    )]
    Up(UpArgs),
    /// Run the control plane: registry, configuration centre, resources
    #[command(after_help = "Examples:\n  nines server\n  nines server --listen 0.0.0.0:9999 --data-dir /var/lib/nines")]
    Server(ServerArgs),
    /// Run the data plane: the gateway or sidecar
    #[command(
        after_help = "Examples:\n  nines proxy                        follow the control plane at --server\n  nines proxy --config gateway.yaml  serve from files alone, reload them when they change"
    )]
    Proxy(ProxyArgs),
    #[command(flatten)]
    Verb(Verb),
    /// Becomes a program tied to its supervisor
    #[command(hide = true)]
    RunChild(crate::cmd::run_child::RunChild),
    /// Ends what a killed supervisor left behind
    #[command(hide = true)]
    Guardian,
}

/// The commands that ask a control plane and end.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create or change resources from files
    #[command(
        after_help = "Examples:\n  nines apply -f routes.yaml            all documents or none\n  nines apply -f routes/ --dry-run      what would change, and what would feel it\n  cat routes.yaml | nines apply -f -"
    )]
    Apply(ApplyArgs),
    /// Show resources
    #[command(
        after_help = "Examples:\n  nines get httproutes\n  nines get httproute orders -o yaml > orders.yaml\n  nines get gateways --all-namespaces"
    )]
    Get(GetArgs),
    /// Delete a resource
    #[command(after_help = "Examples:\n  nines delete httproute orders")]
    Delete(DeleteArgs),
    /// Look at services, and take instances in and out
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Publish, read, compare and follow configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the control plane in numbers
    #[command(after_help = "Examples:\n  nines status\n  nines --server http://10.0.0.5:9999 status -o json")]
    Status,
    /// Print a script that completes commands in a shell
    #[command(
        after_help = "Examples:\n  nines completions bash > ~/.local/share/bash-completion/completions/nines\n  nines completions zsh > ~/.zfunc/_nines"
    )]
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// A file, a folder (its *.yaml, *.yml and *.json) or `-` for standard input; may be given again
    #[arg(long = "file", short = 'f', value_name = "FILE|DIR|-", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Change nothing; show the difference and what it would touch
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// gateway, httproute, service or policy
    #[arg(value_parser = kind)]
    pub(crate) kind: nines_model::Kind,
    /// One resource instead of all
    pub(crate) name: Option<String>,
    /// Of every namespace
    #[arg(long, short = 'A', conflicts_with = "name")]
    pub(crate) all_namespaces: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// gateway, httproute, service or policy
    #[arg(value_parser = kind)]
    pub(crate) kind: nines_model::Kind,
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    pub(crate) shell: clap_complete::Shell,
}

fn kind(text: &str) -> Result<nines_model::Kind, String> {
    let known = || {
        nines_model::Kind::ALL
            .map(|kind| kind.as_str().to_lowercase())
            .join(", ")
    };
    nines_model::Kind::named(text).ok_or_else(|| format!("known kinds are {}", known()))
}

/// `host:port` is short for `http://host:port`.
fn server_url(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    match text.split_once("://") {
        Some(("http", host)) if !host.is_empty() => Ok(text.to_owned()),
        Some(("https", _)) => Err("TLS to the control plane is not supported yet, write http://".into()),
        Some(_) => Err("write for example http://127.0.0.1:9999".into()),
        None if text.contains(':') => Ok(format!("http://{text}")),
        None => Err("the port is missing, write for example http://127.0.0.1:9999".into()),
    }
}

fn duration(text: &str) -> Result<std::time::Duration, nines_base::duration::DurationError> {
    nines_base::duration::parse(text)
}

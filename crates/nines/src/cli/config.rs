//! `nines config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nines_model::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the items of the namespace
    #[command(after_help = "Examples:\n  nines config list -n shop")]
    List,
    /// Publish a new version of an item
    #[command(
        after_help = "Examples:\n  nines config put orders.discount --content '{\"percent\": 25}' --format json --note autumn\n  nines config put orders.limits limits.yaml --schema limits.schema.json\n  generate | nines config put orders.limits - --format yaml --if-version 7"
    )]
    Put(PutArgs),
    /// Print the content of an item, byte for byte (with -o: the version and all about it)
    #[command(
        after_help = "Examples:\n  nines config get orders.discount\n  nines config get orders.discount --version 3 -o json"
    )]
    Get(VersionArg),
    /// Show the versions of an item, newest first
    #[command(after_help = "Examples:\n  nines config history orders.discount")]
    History { name: String },
    /// Show what changed between two versions
    #[command(
        after_help = "Examples:\n  nines config diff orders.discount        the last change\n  nines config diff orders.discount 3      from version 3 to the newest\n  nines config diff orders.discount 3 5"
    )]
    Diff {
        name: String,
        /// The one before the newest if absent
        from: Option<u64>,
        /// The newest if absent
        to: Option<u64>,
    },
    /// Publish the content of an old version again
    #[command(after_help = "Examples:\n  nines config rollback orders.discount 1 --note 'the sale is over'")]
    Rollback {
        name: String,
        /// The version to go back to
        version: u64,
        #[command(flatten)]
        why: WhyArgs,
        /// Only on top of this version
        #[arg(long, value_name = "N")]
        if_version: Option<u64>,
    },
    /// Print the item now and each version that follows, until Ctrl-C
    #[command(
        after_help = "Examples:\n  nines config watch orders.discount\n  nines config watch orders.discount -o json   one line a version"
    )]
    Watch { name: String },
    /// Show who runs which version
    #[command(after_help = "Examples:\n  nines config status orders.discount")]
    Status { name: String },
    /// End an item; its versions are kept and a rollback brings it back
    #[command(after_help = "Examples:\n  nines config delete orders.discount")]
    Delete { name: String },
}

#[derive(Debug, Args)]
pub(crate) struct VersionArg {
    pub(crate) name: String,
    /// An old version instead of the one in force
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    pub(crate) name: String,
    /// A file with the content, `-` is standard input
    #[arg(required_unless_present = "content", conflicts_with = "content")]
    pub(crate) file: Option<PathBuf>,
    /// The content itself
    #[arg(long, value_name = "TEXT")]
    pub(crate) content: Option<String>,
    /// json, yaml, toml, properties or text; by the ending of the file, else the item's format, else text
    #[arg(long, value_parser = format)]
    pub(crate) format: Option<Format>,
    /// A file with a JSON Schema that the content keeps from now on
    #[arg(long, value_name = "FILE", conflicts_with = "no_schema")]
    pub(crate) schema: Option<PathBuf>,
    /// Drop the item's schema
    #[arg(long)]
    pub(crate) no_schema: bool,
    #[command(flatten)]
    pub(crate) why: WhyArgs,
    /// Only on top of this version; 0 only if the item does not exist
    #[arg(long, value_name = "N")]
    pub(crate) if_version: Option<u64>,
}

/// Who and why, for the history.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// Why
    #[arg(long)]
    pub(crate) note: Option<String>,
    /// Who
    #[arg(long, env = "USER", hide_env_values = true)]
    pub(crate) author: Option<String>,
}

fn format(text: &str) -> Result<Format, String> {
    let known = Format::ALL.map(Format::as_str).join(", ");
    let format = Format::ALL.into_iter().find(|format| format.as_str() == text);
    format.ok_or_else(|| format!("known formats are {known}"))
}

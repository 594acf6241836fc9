//! `nines service`.

use clap::{Args, Subcommand};
use nines_model::instance::MAX_WEIGHT;

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Show the services of the namespace
    #[command(after_help = "Examples:\n  nines service list\n  nines service list -n shop -o json")]
    List,
    /// Show the instances of a service
    #[command(after_help = "Examples:\n  nines service show orders")]
    Show { service: String },
    /// Take an instance out of traffic; it stays out, also over restarts, until it is enabled
    #[command(after_help = "Examples:\n  nines service disable orders orders-1")]
    Disable(InstanceArgs),
    /// Put a disabled instance back into traffic
    #[command(after_help = "Examples:\n  nines service enable orders orders-1")]
    Enable(InstanceArgs),
    /// Set the share of traffic of an instance
    #[command(
        after_help = "Examples:\n  nines service weight orders orders-1 10\n  nines service weight orders orders-1 --clear   its own weight again"
    )]
    Weight(WeightArgs),
}

#[derive(Debug, Args)]
pub(crate) struct InstanceArgs {
    pub(crate) service: String,
    /// The instance's id, as `nines service show` prints it
    pub(crate) instance: String,
}

#[derive(Debug, Args)]
pub(crate) struct WeightArgs {
    #[command(flatten)]
    pub(crate) target: InstanceArgs,
    /// 0 takes no traffic, 100 is usual, 10000 the most
    #[arg(value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_WEIGHT)), required_unless_present = "clear")]
    pub(crate) weight: Option<u32>,
    /// Back to the weight that the instance registered with
    #[arg(long, conflicts_with = "weight")]
    pub(crate) clear: bool,
}

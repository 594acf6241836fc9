//! Verbs: one question to a control plane, one answer.

mod apply;
mod completions;
mod config;
mod delete;
mod get;
mod service;
mod status;

use nines_client::Rest;

use crate::cli::{Global, Verb};
use crate::exit::Failure;
use crate::output::Output;

/// What a verb works with.
#[derive(Debug)]
struct Context {
    rest: Rest,
    namespace: String,
    output: Output,
}

/// Runs a verb to its end.
pub(crate) async fn run(global: Global, verb: Verb) -> Result<(), Failure> {
    let context = Context::new(global)?;
    match verb {
        Verb::Apply(args) => apply::run(&context, &args).await,
        Verb::Get(args) => get::run(&context, &args).await,
        Verb::Delete(args) => delete::run(&context, &args).await,
        Verb::Service(command) => service::run(&context, command).await,
        Verb::Config(command) => config::run(&context, command).await,
        Verb::Status => status::run(&context).await,
        Verb::Completions(args) => completions::run(&context, &args),
    }
}

impl Context {
    fn new(global: Global) -> Result<Self, Failure> {
        let server = global.server.first().map(String::as_str).unwrap_or_default();
        nines_model::name::check(&global.namespace)
            .map_err(|error| Failure::Misuse(format!("--namespace: {error}")))?;
        Ok(Self {
            rest: Rest::new(server)?,
            namespace: global.namespace,
            output: Output::stdout(global.output),
        })
    }
}

//! `nines config`.

mod put;
mod table;
mod watch;

use nines_wire::rest::{PublishView, RollbackRequest};

use super::Context;
use crate::cli::{ConfigCommand, Format, VersionArg, WhyArgs};
use crate::exit::Failure;
use crate::output::diff;

pub(super) async fn run(context: &Context, command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::List => list(context).await,
        ConfigCommand::Put(args) => put::run(context, args).await,
        ConfigCommand::Get(args) => get(context, &args).await,
        ConfigCommand::History { name } => history(context, &name).await,
        ConfigCommand::Diff { name, from, to } => compare(context, &name, from, to).await,
        ConfigCommand::Rollback {
            name,
            version,
            why,
            if_version,
        } => rollback(context, &name, version, why, if_version).await,
        ConfigCommand::Watch { name } => watch::run(context, &name).await,
        ConfigCommand::Status { name } => status(context, &name).await,
        ConfigCommand::Delete { name } => delete(context, &name).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let answer = context.rest.configs(&context.namespace).await?;
    context
        .output
        .show(&answer, |style| table::items(&answer, &context.namespace, style))
}

/// The bare content, so that it can go into a file as it is.
async fn get(context: &Context, args: &VersionArg) -> Result<(), Failure> {
    let item = context
        .rest
        .config(&context.namespace, &args.name, args.version)
        .await?;
    match context.output.format {
        Format::Table => context.output.print(&item.content),
        _ => context.output.show(&item, |_| String::new()),
    }
}

async fn history(context: &Context, name: &str) -> Result<(), Failure> {
    let answer = context.rest.history(&context.namespace, name).await?;
    context.output.show(&answer, |style| table::history(&answer, style))
}

async fn compare(context: &Context, name: &str, from: Option<u64>, to: Option<u64>) -> Result<(), Failure> {
    let to = match to {
        Some(to) => to,
        None => context.rest.config(&context.namespace, name, None).await?.version,
    };
    let Some(from) = from.or_else(|| to.checked_sub(1).filter(|from| *from > 0)) else {
        let namespace = &context.namespace;
        return Err(Failure::Refused(format!(
            "{namespace}/{name} has only version {to}: nothing to compare with"
        )));
    };
    let answer = context.rest.diff(&context.namespace, name, from, to).await?;
    context.output.show(&answer, |style| match answer.diff.as_str() {
        "" => format!("versions {} and {} are equal\n", answer.from, answer.to),
        text => diff(text, style),
    })
}

async fn rollback(
    context: &Context,
    name: &str,
    version: u64,
    why: WhyArgs,
    if_version: Option<u64>,
) -> Result<(), Failure> {
    let request = RollbackRequest {
        version,
        note: why.note,
        author: why.author,
        if_version,
    };
    let answer = context.rest.rollback(&context.namespace, name, &request).await?;
    context.output.show(&answer, |_| published(&answer))
}

async fn status(context: &Context, name: &str) -> Result<(), Failure> {
    let answer = context.rest.config_status(&context.namespace, name).await?;
    context.output.show(&answer, |style| table::status(&answer, style))
}

async fn delete(context: &Context, name: &str) -> Result<(), Failure> {
    let answer = context.rest.delete_config(&context.namespace, name).await?;
    let namespace = &context.namespace;
    context.output.show(&answer, |_| {
        format!("{namespace}/{name} deleted; `nines config rollback {name} VERSION` brings it back\n")
    })
}

fn published(answer: &PublishView) -> String {
    let item = &answer.item;
    let name = format!("{}/{}", item.namespace, item.name);
    match answer.unchanged {
        true => format!("{name} is unchanged at version {}\n", item.version),
        false => format!(
            "{name} version {} published (revision {})\n",
            item.version, item.revision
        ),
    }
}

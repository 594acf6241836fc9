//! Logs by `tracing`: lines for people or JSON for machines, on standard error, with a level that can be changed
//! while the process runs.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people; coloured on a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Changes the level of a running process.
#[derive(Debug, Clone)]
pub struct Handle(reload::Handle<EnvFilter, Registry>);

/// Why logging could not be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{filter}` is not a log filter ({reason}); write for example info or info,nines_proxy=debug")]
    BadFilter { filter: String, reason: String },
    #[error("logging is set up already: {0}")]
    AlreadySet(#[from] TryInitError),
    #[error("the log filter cannot be changed: {0}")]
    Gone(#[from] reload::Error),
}

/// Sets logging up for the process; once. `filter` is a level or a list of `target=level`.
pub fn init(format: Format, filter: &str) -> Result<Handle, Error> {
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let colour = std::io::stderr().is_terminal();
    let layer = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colour && format == Format::Human);
    let layer = match format {
        Format::Human => layer.boxed(),
        Format::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(layer).try_init()?;
    Ok(Handle(handle))
}

impl Handle {
    /// Replaces the filter.
    pub fn set_filter(&self, filter: &str) -> Result<(), Error> {
        Ok(self.0.reload(parse(filter)?)?)
    }
}

fn parse(filter: &str) -> Result<EnvFilter, Error> {
    EnvFilter::try_new(filter).map_err(|e| Error::BadFilter {
        filter: filter.into(),
        reason: e.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_named() {
        let error = parse("nines=loudly").expect_err("no such level");
        assert!(error.to_string().contains("nines=loudly"), "{error}");
        assert!(parse("info,nines_proxy=debug").is_ok());
    }
}

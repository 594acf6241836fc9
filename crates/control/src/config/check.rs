//! What is refused before anything is written.

use nines_model::{ConfigItem, ConfigKey, config, name};

use super::{Publish, SchemaChange, effort};
use crate::error::{Error, Result};

const MAX_SCHEMA: usize = 256 * 1024;
const MAX_NOTE: usize = 1024;
const MAX_AUTHOR: usize = 128;

/// Namespace and name.
pub(super) fn name(key: &ConfigKey) -> Result<()> {
    name::check(&key.namespace).map_err(|error| Error::invalid("namespace", error))?;
    name::check_config(&key.name).map_err(|error| Error::invalid("name", error))
}

/// All that can be said without reading the content.
pub(super) fn form(publish: &Publish) -> Result<()> {
    name(&publish.key)?;
    let size = publish.content.len();
    if size > config::MAX_CONTENT {
        let message = format!(
            "the content has {size} bytes, more than the {} bytes (1 MiB) that an item may have; split the item",
            config::MAX_CONTENT
        );
        return Err(Error::TooLarge {
            path: "content",
            message,
        });
    }
    short("note", publish.note.as_deref(), MAX_NOTE)?;
    short("author", publish.author.as_deref(), MAX_AUTHOR)?;
    match &publish.schema {
        SchemaChange::Replace(Some(schema)) if schema.to_string().len() > MAX_SCHEMA => Err(Error::invalid(
            "schema",
            format!("the schema has more than {MAX_SCHEMA} bytes"),
        )),
        _ => Ok(()),
    }
}

/// Reads the content by its format and holds it against its schema, off the async threads: a large document takes
/// its time. Gives the item back.
pub(super) async fn content(item: ConfigItem) -> Result<ConfigItem> {
    let checked = tokio::task::spawn_blocking(move || {
        affordable(&item)?;
        config::validate(item.format, &item.content, item.schema.as_ref()).map_err(Error::Problems)?;
        Ok(item)
    });
    match checked.await {
        Ok(checked) => checked,
        Err(error) => Err(Error::Internal(format!(
            "the check of the content did not end: {error}"
        ))),
    }
}

/// A check that has begun cannot be stopped, so one that would not end in time is not begun.
fn affordable(item: &ConfigItem) -> Result<()> {
    let Some(schema) = &item.schema else { return Ok(()) };
    let content = config::read(item.format, &item.content).map_err(Error::Problems)?;
    effort::check(schema, &content).map_err(|message| Error::invalid("schema", message))
}

fn short(path: &'static str, text: Option<&str>, max: usize) -> Result<()> {
    let Some(text) = text else { return Ok(()) };
    if text.len() > max {
        return Err(Error::invalid(
            path,
            format!("the {path} has more than {max} bytes; shorten it"),
        ));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Error::invalid(
            path,
            format!("the {path} contains control characters; remove them"),
        ));
    }
    Ok(())
}

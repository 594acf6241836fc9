//! Protobuf messages to and from the model. What comes from the wire is checked: an unknown word, a bad address or an
//! empty name is an error that names the field.

mod catalog;
mod instance;
mod interest;
#[cfg(test)]
mod tests;

use nines_base::Kind;

pub use catalog::{change_from_proto, change_to_proto, config_name, resource_name, wrap};
pub use instance::{
    instance_from_proto, instance_to_proto, key_from_proto, key_to_proto, registration_from_proto,
    registration_to_proto,
};
pub use interest::{MAX_INTEREST, Subscribe};

/// A message that is not what the protocol says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct ConvertError {
    /// The field, as in `registration.ports[0].number`.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Result of reading a message.
pub type Result<T> = std::result::Result<T, ConvertError>;

impl ConvertError {
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        Kind::InvalidArgument
    }

    fn inside(mut self, field: &str) -> Self {
        self.field = format!("{field}.{}", self.field);
        self
    }
}

fn name(field: &str, name: String) -> Result<String> {
    match nines_model::name::check(&name) {
        Ok(()) => Ok(name),
        Err(error) => Err(ConvertError::new(field, error.to_string())),
    }
}

fn config_item_name(field: &str, name: String) -> Result<String> {
    match nines_model::name::check_config(&name) {
        Ok(()) => Ok(name),
        Err(error) => Err(ConvertError::new(field, error.to_string())),
    }
}

fn present<T>(field: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| ConvertError::new(field, "is missing"))
}

/// Text from outside, short and printable, for a message.
fn quote(text: &str) -> String {
    let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    format!("`{shown}`")
}

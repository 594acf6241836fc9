//! What is wrong with a configuration.

use std::fmt;

use nines_base::{Kind, Retry};

/// A parameter that cannot work: which, what it is, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}, but must be {allowed}")]
pub struct Invalid {
    /// The field as in the configuration, for example `breaker.failureRate`.
    pub field: &'static str,
    /// The value as given.
    pub value: String,
    /// What would be accepted.
    pub allowed: String,
}

impl Invalid {
    /// The error for `field` with this value.
    pub fn new(field: &'static str, value: impl fmt::Debug, allowed: impl Into<String>) -> Self {
        Self {
            field,
            value: format!("{value:?}"),
            allowed: allowed.into(),
        }
    }

    /// Always the caller's mistake.
    pub fn kind(&self) -> Kind {
        Kind::InvalidArgument
    }

    /// Never worth another try.
    pub fn retry(&self) -> Retry {
        Retry::Never
    }
}

/// Checks one field, and names it if it fails.
pub(crate) fn ensure(
    good: bool,
    field: &'static str,
    value: impl fmt::Debug,
    allowed: &'static str,
) -> Result<(), Invalid> {
    if good {
        Ok(())
    } else {
        Err(Invalid::new(field, value, allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_field_value_and_range() {
        let error = ensure(false, "breaker.failureRate", 1.5, "over 0 and at most 1").expect_err("it is refused");
        assert_eq!(
            error.to_string(),
            "breaker.failureRate is 1.5, but must be over 0 and at most 1"
        );
    }
}

//! What a name may look like.

/// A name that breaks the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a valid name: {rule}")]
pub struct NameError {
    pub name: String,
    pub rule: &'static str,
}

const OBJECT_RULE: &str = "use 1 to 128 of a-z, 0-9, '-' and '.', starting and ending with a letter or digit";
const CONFIG_RULE: &str = "use 1 to 128 of a-z, 0-9, '.', '_' and '-'";

/// Namespaces, services, instances and resources: `[a-z0-9-.]{1,128}` with a letter or digit at both ends.
pub fn check(name: &str) -> Result<(), NameError> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let end = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    let good = bytes.len() <= 128 && end(bytes.first()) && end(bytes.last()) && bytes.iter().all(|b| inner(*b));
    if good { Ok(()) } else { Err(error(name, OBJECT_RULE)) }
}

/// Configuration items: `[a-z0-9._-]{1,128}`.
pub fn check_config(name: &str) -> Result<(), NameError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    let good = (1..=128).contains(&name.len()) && name.bytes().all(allowed);
    if good { Ok(()) } else { Err(error(name, CONFIG_RULE)) }
}

fn error(name: &str, rule: &'static str) -> NameError {
    NameError {
        name: name.chars().take(140).collect(),
        rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names() {
        for good in ["a", "orders", "orders-v2", "a.b", "0"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let long = "a".repeat(129);
        for bad in ["", "-a", "a-", ".a", "A", "a_b", "a/b", "ä", "a b", &long] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn config_names() {
        assert!(check_config("orders_discount.json").is_ok());
        for bad in ["", "A", "a/b", "ä"] {
            assert!(check_config(bad).is_err(), "{bad}");
        }
    }
}

//! Edits of headers.

use nines_model::route::{Header, HeaderModifier, RESERVED_HEADERS};

/// Edits that need one pass over a head: leave out every header that [`HeaderEdits::drops`], then write
/// [`HeaderEdits::additions`]. Names are in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    removed: Vec<Box<str>>,
    added: Vec<(Box<str>, Box<str>)>,
}

impl HeaderEdits {
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    /// Whether a header of the message goes; `name` in any case.
    pub fn drops(&self, name: &[u8]) -> bool {
        self.removed
            .iter()
            .any(|removed| removed.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The headers to write after those of the message.
    pub fn additions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.added.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The names of which nothing of the message stays.
    pub fn dropped(&self) -> impl Iterator<Item = &str> {
        self.removed.iter().map(|name| &**name)
    }

    /// Appends a modifier, in the order remove, set, add. What stands here already counts as part of the message.
    pub(crate) fn add_modifier(&mut self, modifier: &HeaderModifier) -> Result<(), String> {
        for name in &modifier.remove {
            self.remove(checked_name(name)?);
        }
        for header in &modifier.set {
            let (name, value) = checked(header)?;
            self.remove(name.clone());
            self.added.push((name, value));
        }
        for header in &modifier.add {
            self.added.push(checked(header)?);
        }
        Ok(())
    }

    fn remove(&mut self, name: Box<str>) {
        self.added.retain(|(added, _)| *added != name);
        if !self.removed.contains(&name) {
            self.removed.push(name);
        }
    }
}

fn checked(header: &Header) -> Result<(Box<str>, Box<str>), String> {
    let name = checked_name(&header.name)?;
    let value = header.value.trim_matches([' ', '\t']);
    let clean = |b: u8| b == b'\t' || (b >= b' ' && b != 0x7f);
    if value.bytes().all(clean) {
        Ok((name, value.into()))
    } else {
        Err(format!("the value of header `{name}` has control characters"))
    }
}

/// RFC 9110 section 5.6.2: a name is a token.
fn checked_name(name: &str) -> Result<Box<str>, String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(format!("`{name}` is no header name"));
    }
    let name = name.to_ascii_lowercase();
    if RESERVED_HEADERS.contains(&name.as_str()) {
        return Err(format!("header `{name}` cannot be edited: the proxy writes it itself"));
    }
    Ok(name.into())
}

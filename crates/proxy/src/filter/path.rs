//! New paths.

use nines_model::route::{PathModifier, PathModifierKind};

/// Replaces a path. The query is not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRewrite {
    Full(Box<str>),
    /// Replaces the prefix that matched; kept without trailing slash.
    Prefix(Box<str>),
}

impl PathRewrite {
    pub(crate) fn compile(from: &PathModifier) -> Result<Self, String> {
        let (field, value) = match from.kind {
            PathModifierKind::ReplaceFullPath => ("replaceFullPath", &from.replace_full_path),
            PathModifierKind::ReplacePrefixMatch => ("replacePrefixMatch", &from.replace_prefix_match),
        };
        let value = value
            .as_ref()
            .ok_or_else(|| format!("the path's type asks for the field `{field}`, which is missing"))?;
        if !is_path(value) {
            return Err(format!(
                "{field} `{value}` is no path: start with `/`, escape what is not allowed in a path"
            ));
        }
        Ok(match from.kind {
            PathModifierKind::ReplaceFullPath if value.is_empty() => PathRewrite::Full("/".into()),
            PathModifierKind::ReplaceFullPath => PathRewrite::Full(value.as_str().into()),
            PathModifierKind::ReplacePrefixMatch => PathRewrite::Prefix(value.trim_end_matches('/').into()),
        })
    }

    /// The new path as two pieces to write one after the other. `prefix` is how many bytes of `path` the match covers
    /// ([`crate::route::Found`]).
    pub fn apply<'a>(&'a self, path: &'a [u8], prefix: usize) -> [&'a [u8]; 2] {
        match self {
            PathRewrite::Full(full) => [full.as_bytes(), b""],
            PathRewrite::Prefix(new) => match (new.as_bytes(), path.get(prefix..).unwrap_or_default()) {
                (b"", b"") => [b"/", b""],
                (new, rest) => [new, rest],
            },
        }
    }
}

/// RFC 3986 section 3.3 without query and fragment; empty stands for the root.
fn is_path(value: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&b);
    (value.is_empty() || value.starts_with('/')) && !value.starts_with("//") && value.bytes().all(allowed)
}

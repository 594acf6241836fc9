//! Host names and wildcards of listeners and routes.

use std::fmt;

/// Which hosts: all, one, or all below a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    Exact(Box<str>),
    /// `*.local` is kept as `.local`; it stands for one or more labels before it.
    Wildcard(Box<str>),
    Any,
}

impl Host {
    /// Reads a host as documents write it; `None` if it is neither a host name nor `*.` before one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        match text.strip_prefix('*') {
            Some(suffix) => {
                let name = suffix.strip_prefix('.')?;
                is_name(name).then(|| Host::Wildcard(suffix.into()))
            }
            None => is_name(&text).then(|| Host::Exact(text.into())),
        }
    }

    /// The hosts that belong to both.
    pub fn intersect(&self, other: &Host) -> Option<Host> {
        match (self, other) {
            (Host::Any, host) | (host, Host::Any) => Some(host.clone()),
            (Host::Exact(a), Host::Exact(b)) => (a == b).then(|| self.clone()),
            (Host::Exact(name), Host::Wildcard(suffix)) | (Host::Wildcard(suffix), Host::Exact(name)) => {
                is_below(name, suffix).then(|| Host::Exact(name.clone()))
            }
            (Host::Wildcard(a), Host::Wildcard(b)) if a.ends_with(&**b) => Some(self.clone()),
            (Host::Wildcard(a), Host::Wildcard(b)) if b.ends_with(&**a) => Some(other.clone()),
            (Host::Wildcard(_), Host::Wildcard(_)) => None,
        }
    }
}

fn is_below(name: &str, suffix: &str) -> bool {
    name.len() > suffix.len() && name.ends_with(suffix)
}

fn is_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Exact(name) => f.write_str(name),
            Host::Wildcard(suffix) => write!(f, "*{suffix}"),
            Host::Any => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        if text == "*" {
            Host::Any
        } else {
            Host::parse(text).unwrap()
        }
    }

    #[test]
    fn reads_names_and_wildcards() {
        for good in ["shop.local", "a", "*.local", "x-1.example.com", "127.0.0.1"] {
            assert_eq!(host(good).to_string(), good);
        }
        assert_eq!(host("SHOP.Local"), host("shop.local"));
        for bad in [
            "", "*", "*local", "*.", ".local", "a..b", "a_b", "-a", "a-", "a.*.b", "a:80", "ä.de", "a/b",
        ] {
            assert_eq!(Host::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn intersections() {
        for (a, b, both) in [
            ("*", "*", Some("*")),
            ("*", "a.b", Some("a.b")),
            ("a.b", "a.b", Some("a.b")),
            ("a.b", "a.c", None),
            ("*.b", "a.b", Some("a.b")),
            ("*.b", "x.a.b", Some("x.a.b")),
            ("*.b", "b", None),
            ("*.b", "a.xb", None),
            ("*.b", "*.a.b", Some("*.a.b")),
            ("*.b", "*.c", None),
        ] {
            let both = both.map(host);
            assert_eq!(host(a).intersect(&host(b)), both, "{a} {b}");
            assert_eq!(host(b).intersect(&host(a)), both, "{b} {a}");
        }
    }
}

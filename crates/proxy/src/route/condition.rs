//! What a match asks of a request beside its path.

use nines_model::route::{Match, ValueMatch};

use super::{RequestParts, query};

/// Conditions that must all hold. Method and values are compared byte by byte, header names without case. A repeated
/// header counts with its first line, a repeated query parameter with its first occurrence; names and values of query
/// parameters are compared decoded. Of two conditions on one name only the first counts (Gateway API).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    pub method: Option<Box<str>>,
    /// Names in lower case.
    pub headers: Box<[(Box<str>, Box<str>)]>,
    pub query: Box<[(Box<str>, Box<str>)]>,
}

impl From<&Match> for Condition {
    fn from(from: &Match) -> Self {
        Self {
            method: from.method.as_deref().map(Box::from),
            headers: pairs(&from.headers, |name| name.to_ascii_lowercase()),
            query: pairs(&from.query_params, str::to_owned),
        }
    }
}

impl Condition {
    /// Whether `request` meets all of them.
    pub fn holds(&self, request: &impl RequestParts) -> bool {
        self.method_holds(request) && self.headers_hold(request) && self.query_holds(request)
    }

    fn method_holds(&self, request: &impl RequestParts) -> bool {
        let method = self.method.as_deref();
        method.is_none_or(|method| method.as_bytes() == request.method())
    }

    fn headers_hold(&self, request: &impl RequestParts) -> bool {
        let holds = |(name, value): &(Box<str>, Box<str>)| request.header(name) == Some(value.as_bytes());
        self.headers.iter().all(holds)
    }

    fn query_holds(&self, request: &impl RequestParts) -> bool {
        let text = request.query().unwrap_or_default();
        let holds = |(name, value): &(Box<str>, Box<str>)| query::first_equals(text, name.as_bytes(), value.as_bytes());
        self.query.iter().all(holds)
    }
}

fn pairs(from: &[ValueMatch], fold: impl Fn(&str) -> String) -> Box<[(Box<str>, Box<str>)]> {
    let mut pairs: Vec<(Box<str>, Box<str>)> = Vec::with_capacity(from.len());
    for item in from {
        let name = fold(&item.name).into_boxed_str();
        if pairs.iter().all(|(known, _)| *known != name) {
            pairs.push((name, item.value.as_str().into()));
        }
    }
    pairs.into()
}

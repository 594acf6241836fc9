//! The rules of one listener by host.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use nines_model::route::{PathKind, PathMatch};

use super::{CompiledRule, Condition, Host, PathTable, RequestParts};

/// What a request was matched to.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    pub rule: &'a Arc<CompiledRule>,
    /// How many bytes of the path the matched prefix covers; rewrites and redirects of the prefix need it.
    pub prefix: usize,
}

/// One match of one rule.
#[derive(Debug)]
pub struct Candidate {
    pub path: RoutePath,
    pub condition: Condition,
    pub rank: Rank,
    pub rule: Arc<CompiledRule>,
}

/// A condition on the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoutePath {
    Exact(Box<str>),
    /// By whole segments, without trailing slash; empty matches every path.
    Prefix(Box<str>),
}

/// Precedence between matches of one host and path; the smaller goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    has_method: Reverse<bool>,
    headers: Reverse<usize>,
    query: Reverse<usize>,
    /// Namespace and name.
    route: (Arc<str>, Arc<str>),
    rule: usize,
    condition: usize,
}

/// Host to rules.
#[derive(Debug, Default)]
pub struct Table {
    exact: HashMap<Box<[u8]>, PathTable>,
    /// By suffix with its leading dot.
    wildcard: HashMap<Box<[u8]>, PathTable>,
    any: PathTable,
}

impl RoutePath {
    /// An absent condition is the prefix `/`.
    pub fn new(path: Option<&PathMatch>) -> Self {
        match path {
            None => RoutePath::Prefix("".into()),
            Some(path) if path.kind == PathKind::Exact => RoutePath::Exact(path.value.as_str().into()),
            Some(path) => RoutePath::Prefix(path.value.trim_end_matches('/').into()),
        }
    }

    pub(crate) fn prefix_length(&self) -> usize {
        match self {
            RoutePath::Exact(path) | RoutePath::Prefix(path) => path.len(),
        }
    }
}

impl Rank {
    /// The rank of match `condition` of rule `rule` of `route` (namespace and name).
    pub fn new(conditions: &Condition, route: (Arc<str>, Arc<str>), rule: usize, condition: usize) -> Self {
        Self {
            has_method: Reverse(conditions.method.is_some()),
            headers: Reverse(conditions.headers.len()),
            query: Reverse(conditions.query.len()),
            route,
            rule,
            condition,
        }
    }
}

impl Table {
    pub fn insert(&mut self, host: &Host, candidate: Arc<Candidate>) {
        let paths = match host {
            Host::Exact(name) => self.exact.entry(name.as_bytes().into()).or_default(),
            Host::Wildcard(suffix) => self.wildcard.entry(suffix.as_bytes().into()).or_default(),
            Host::Any => &mut self.any,
        };
        paths.insert(candidate);
    }

    /// Brings everything into the order of precedence; to be called after the last insertion.
    pub fn sort(&mut self) {
        let paths = self.exact.values_mut().chain(self.wildcard.values_mut());
        paths.chain([&mut self.any]).for_each(PathTable::sort);
    }

    /// The rule of `request`. A dot at the end of the host does not count.
    pub fn find(&self, request: &impl RequestParts) -> Option<Found<'_>> {
        let host = request.host();
        let host = host.strip_suffix(b".").unwrap_or(host);
        let exact = self.exact.get(host).and_then(|paths| paths.find(request));
        exact
            .or_else(|| self.find_wildcard(host, request))
            .or_else(|| self.any.find(request))
    }

    fn find_wildcard(&self, host: &[u8], request: &impl RequestParts) -> Option<Found<'_>> {
        if self.wildcard.is_empty() {
            return None;
        }
        memchr::memchr_iter(b'.', host)
            .filter(|dot| *dot > 0)
            .filter_map(|dot| self.wildcard.get(&host[dot..]))
            .find_map(|paths| paths.find(request))
    }

    /// All hosts in the order of precedence, with their candidates in the order in which they are tried.
    pub fn in_order(&self) -> Vec<(String, Vec<&Arc<Candidate>>)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut exact: Vec<_> = self.exact.iter().map(|(name, paths)| (text(name), paths)).collect();
        exact.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut wildcard: Vec<_> = self
            .wildcard
            .iter()
            .map(|(name, paths)| (format!("*{}", text(name)), paths))
            .collect();
        wildcard.sort_by(|(a, _), (b, _)| (b.len(), a).cmp(&(a.len(), b)));
        let hosts = exact.into_iter().chain(wildcard).chain([("*".to_owned(), &self.any)]);
        hosts
            .map(|(host, paths)| (host, paths.in_order().collect::<Vec<_>>()))
            .filter(|(_, candidates)| !candidates.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests;

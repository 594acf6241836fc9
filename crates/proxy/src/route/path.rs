//! The rules of one host by path.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Candidate, Found, RequestParts, RoutePath};

/// Candidates of one path, in the order of precedence.
type Bucket = Vec<Arc<Candidate>>;

/// Finds a rule with one look-up for the exact path and one for each length of prefix that ends at a segment of the
/// path, so that neither many rules nor a path of many segments makes it slow.
#[derive(Debug, Default)]
pub(crate) struct PathTable {
    exact: HashMap<Box<[u8]>, Bucket>,
    /// Without trailing slash; the root is empty.
    prefixes: HashMap<Box<[u8]>, Bucket>,
    /// The lengths of the prefixes, longest first.
    lengths: Vec<usize>,
}

impl PathTable {
    pub(crate) fn insert(&mut self, candidate: Arc<Candidate>) {
        let (map, key) = match &candidate.path {
            RoutePath::Exact(path) => (&mut self.exact, path),
            RoutePath::Prefix(path) => (&mut self.prefixes, path),
        };
        map.entry(key.as_bytes().into()).or_default().push(candidate);
    }

    /// Brings everything into the order of precedence; to be called after the last insertion.
    pub(crate) fn sort(&mut self) {
        for bucket in self.exact.values_mut().chain(self.prefixes.values_mut()) {
            bucket.sort_by(|a, b| a.rank.cmp(&b.rank));
        }
        self.lengths = self.prefixes.keys().map(|prefix| prefix.len()).collect();
        self.lengths.sort_unstable_by(|a, b| b.cmp(a));
        self.lengths.dedup();
    }

    pub(crate) fn find(&self, request: &impl RequestParts) -> Option<Found<'_>> {
        let path = request.path();
        let exact = self.exact.get(path).and_then(|bucket| first(bucket, request));
        exact.or_else(|| self.find_prefix(path, request))
    }

    fn find_prefix(&self, path: &[u8], request: &impl RequestParts) -> Option<Found<'_>> {
        let ends_segment = |length: usize| path.get(length).is_none_or(|next| *next == b'/');
        let fitting = self.lengths.iter().filter(|length| **length <= path.len());
        fitting
            .filter(|length| ends_segment(**length))
            .filter_map(|length| self.prefixes.get(&path[..*length]))
            .find_map(|bucket| first(bucket, request))
    }

    /// All candidates in the order in which they are tried.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Arc<Candidate>> {
        let exact: BTreeMap<_, _> = self.exact.iter().collect();
        let mut prefixes: Vec<_> = self.prefixes.iter().collect();
        prefixes.sort_by(|(a, _), (b, _)| (b.len(), a).cmp(&(a.len(), b)));
        exact
            .into_values()
            .chain(prefixes.into_iter().map(|(_, bucket)| bucket))
            .flatten()
    }
}

fn first<'a>(bucket: &'a [Arc<Candidate>], request: &impl RequestParts) -> Option<Found<'a>> {
    let candidate = bucket.iter().find(|candidate| candidate.condition.holds(request))?;
    Some(Found {
        rule: &candidate.rule,
        prefix: candidate.path.prefix_length(),
    })
}

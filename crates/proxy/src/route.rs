//! Which rule a request belongs to: the matching of HTTPRoute, with the precedence of Gateway API v1.
//!
//! Precedence, first difference decides: the most specific host (exact before wildcard, longer wildcard first), an exact
//! path, the longest path prefix in characters, a method condition, more header conditions, more query conditions, the
//! route's namespace and name, the place of the rule in its route, the place of the match in its rule. Gateway API
//! breaks ties by the age of routes first; documents here carry no age. A request that no rule of the most specific
//! host takes goes on to the less specific ones: precedence is between rules, not between hosts.

mod condition;
mod host;
mod path;
mod query;
mod rule;
mod table;

pub use condition::Condition;
pub use host::Host;
pub(crate) use path::PathTable;
pub use rule::{Action, Backend, CompiledRule, Forward, Refusal, RuleId};
pub use table::{Candidate, Found, Rank, RoutePath, Table};

/// What matching looks at. The codec has checked all of it: the host is in lower case and without port (empty if there
/// is none), the path is absolute and canonical.
pub trait RequestParts {
    fn method(&self) -> &[u8];
    fn host(&self) -> &[u8];
    fn path(&self) -> &[u8];
    /// What stands after the `?`.
    fn query(&self) -> Option<&[u8]>;
    /// The value of the first field line of that name, given in lower case.
    fn header(&self, name: &str) -> Option<&[u8]>;
}

//! What a rule changes in requests and responses, compiled from the filters of HTTPRoute into plans that are applied
//! while a head is copied.
//!
//! A filter that cannot be applied makes its rule refuse with 500 rather than act without it: a rule that forgot to
//! remove a header or to redirect would be worse than one that is plainly broken.

mod headers;
mod path;
mod redirect;

pub use headers::HeaderEdits;
pub use path::PathRewrite;
pub use redirect::{RedirectPlan, Scheme};

use nines_model::route::{Filter, FilterKind};

/// Edits of a request on its way to a backend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestPlan {
    pub headers: HeaderEdits,
    pub path: Option<PathRewrite>,
    /// Replaces the `host` header.
    pub host: Option<Box<str>>,
}

/// Everything that a list of filters asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plans {
    pub request: RequestPlan,
    pub response: HeaderEdits,
    pub redirect: Option<RedirectPlan>,
}

impl Plans {
    /// Compiles `filters`, which apply in their order; the error says what cannot be applied.
    pub fn compile(filters: &[Filter]) -> Result<Self, String> {
        let mut plans = Self::default();
        plans.add(filters)?;
        Ok(plans)
    }

    /// These plans and then those of `filters`: a rule's, then a backend's.
    pub fn and_then(&self, filters: &[Filter]) -> Result<Self, String> {
        let mut plans = self.clone();
        plans.add(filters)?;
        Ok(plans)
    }

    fn add(&mut self, filters: &[Filter]) -> Result<(), String> {
        filters.iter().try_for_each(|filter| self.add_one(filter))
    }

    fn add_one(&mut self, filter: &Filter) -> Result<(), String> {
        match filter.kind {
            FilterKind::RequestHeaderModifier => {
                let modifier = required(filter.request_header_modifier.as_ref(), "requestHeaderModifier")?;
                self.request.headers.add_modifier(modifier)
            }
            FilterKind::ResponseHeaderModifier => {
                let modifier = required(filter.response_header_modifier.as_ref(), "responseHeaderModifier")?;
                self.response.add_modifier(modifier)
            }
            FilterKind::RequestRedirect => {
                let redirect = required(filter.request_redirect.as_ref(), "requestRedirect")?;
                self.redirect = Some(RedirectPlan::compile(redirect)?);
                Ok(())
            }
            FilterKind::UrlRewrite => {
                let rewrite = required(filter.url_rewrite.as_ref(), "urlRewrite")?;
                if let Some(path) = &rewrite.path {
                    self.request.path = Some(PathRewrite::compile(path)?);
                }
                if let Some(host) = &rewrite.hostname {
                    self.request.host = Some(checked_host(host)?);
                }
                Ok(())
            }
        }
    }

    /// Whether a filter speaks of the matched prefix, which an exact path does not have.
    pub fn replaces_prefix(&self) -> bool {
        let redirect = self.redirect.as_ref().and_then(|plan| plan.path.as_ref());
        let paths = self.request.path.iter().chain(redirect);
        paths.into_iter().any(|path| matches!(path, PathRewrite::Prefix(_)))
    }
}

fn required<'a, T>(field: Option<&'a T>, name: &str) -> Result<&'a T, String> {
    field.ok_or_else(|| format!("the filter's type asks for the field `{name}`, which is missing"))
}

fn checked_host(host: &str) -> Result<Box<str>, String> {
    match crate::route::Host::parse(host) {
        Some(crate::route::Host::Exact(name)) => Ok(name),
        _ => Err(format!("`{host}` is no host name: write one without wildcard and port")),
    }
}

#[cfg(test)]
mod tests;

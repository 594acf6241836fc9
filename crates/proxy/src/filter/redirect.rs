//! Redirects.

use nines_model::route::Redirect;

use super::{PathRewrite, checked_host};
use crate::route::RequestParts;

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

/// Answers with another place. What the filter does not name stays as in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectPlan {
    pub status: u16,
    pub scheme: Option<Scheme>,
    pub host: Option<Box<str>>,
    pub port: Option<u16>,
    pub path: Option<PathRewrite>,
}

/// How the new place is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl RedirectPlan {
    pub(crate) fn compile(from: &Redirect) -> Result<Self, String> {
        let status = from.status_code.unwrap_or(302);
        if !STATUSES.contains(&status) {
            return Err(format!("{status} is no redirect status: use 301, 302, 303, 307 or 308"));
        }
        Ok(Self {
            status,
            scheme: from.scheme.as_deref().map(parse_scheme).transpose()?,
            host: from.hostname.as_deref().map(checked_host).transpose()?,
            port: from.port,
            path: from.path.as_ref().map(PathRewrite::compile).transpose()?,
        })
    }

    /// The `location` for a request that came in by `scheme` on `port` (the listener's) and matched `prefix` bytes of
    /// its path. Gateway API: the port is the filter's, else the well-known one of the filter's scheme, else the
    /// listener's, and is left out where the scheme implies it. The query stays. A request without host (HTTP/1.0) gets
    /// a path alone.
    pub fn location(&self, request: &impl RequestParts, prefix: usize, scheme: Scheme, port: u16) -> Vec<u8> {
        let mut location = Vec::with_capacity(128);
        let host = self.host.as_deref().map_or(request.host(), str::as_bytes);
        if !host.is_empty() {
            self.write_origin(host, scheme, port, &mut location);
        }
        match &self.path {
            Some(path) => path
                .apply(request.path(), prefix)
                .iter()
                .for_each(|piece| location.extend_from_slice(piece)),
            None => location.extend_from_slice(request.path()),
        }
        if let Some(query) = request.query() {
            location.push(b'?');
            location.extend_from_slice(query);
        }
        location
    }

    fn write_origin(&self, host: &[u8], scheme: Scheme, port: u16, out: &mut Vec<u8>) {
        let port = self.port.or(self.scheme.map(Scheme::port)).unwrap_or(port);
        let scheme = self.scheme.unwrap_or(scheme);
        out.extend_from_slice(scheme.as_str().as_bytes());
        out.extend_from_slice(b"://");
        out.extend_from_slice(host);
        if port != scheme.port() {
            out.extend_from_slice(format!(":{port}").as_bytes());
        }
    }
}

fn parse_scheme(text: &str) -> Result<Scheme, String> {
    match text {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        _ => Err(format!("`{text}` is no scheme: use http or https")),
    }
}

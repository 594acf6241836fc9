//! Pages of other sites may not use a visitor's browser to change or read anything here.
//!
//! A browser sends a write wherever a page asks it to, and says in `Origin` for which page. And a page may have its own
//! name point to this address (DNS rebinding); then only `Host` tells. Programs send neither falsely, so they may reach
//! the server by any name, unless it listens on loopback, where a name other than `localhost` has no good reason.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_LANGUAGE, AsHeaderName, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Method, Uri};
use nines_base::Kind;

use crate::api::Failure;

const FETCH_SITE: &str = "sec-fetch-site";

/// Whom requests may be addressed to.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    names: Arc<[String]>,
    /// Whether the server listens on loopback.
    local: bool,
}

impl Guard {
    pub(super) fn new(names: &[String], address: SocketAddr) -> Self {
        Self {
            names: names.into(),
            local: address.ip().is_loopback(),
        }
    }

    /// Why a request is refused, if it is.
    fn refuses(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        // HTTP/2 has the host in the address.
        let host = uri
            .authority()
            .map(http::uri::Authority::as_str)
            .or(text(headers, HOST));
        if let Some(host) = host.filter(|host| (self.local || by_browser(headers)) && !self.knows(host)) {
            return Some(format!(
                "`{host}` is not a name of this server; use its IP address or localhost, or start it with --host-name {}",
                name_of(host)
            ));
        }
        let foreign = !method.is_safe() && (of_another_site(headers) || of_another_origin(headers, host));
        foreign.then(|| "a page of another site may not change anything here; send the request from a program".into())
    }

    fn knows(&self, host: &str) -> bool {
        let name = name_of(host);
        name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Refuses what a page of another site sends.
pub(super) async fn refuse_other_pages(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.refuses(request.method(), request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(why) if text(request.headers(), CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/grpc")) => {
            tonic::Status::permission_denied(why).into_http()
        }
        Some(why) => Failure::new(Kind::PermissionDenied, why).into_response(),
    }
}

/// Whether a browser may have sent it. None leaves out `Accept-Language`, and no page can make it; the other two are not
/// sent with every request.
fn by_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ACCEPT_LANGUAGE) || headers.contains_key(ORIGIN) || headers.contains_key(FETCH_SITE)
}

/// W3C Fetch Metadata, which browsers send to loopback and over TLS.
fn of_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get(FETCH_SITE).map(|value| value.as_bytes());
    !matches!(site, None | Some(b"same-origin" | b"none"))
}

/// RFC 6454 section 7: browsers name the page's origin with every write, or `null`.
fn of_another_origin(headers: &HeaderMap, host: Option<&str>) -> bool {
    if !headers.contains_key(ORIGIN) {
        return false;
    }
    let origin = text(headers, ORIGIN).and_then(|origin| origin.split_once("://"));
    !matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

/// A host without its port, an IPv6 address without its brackets.
fn name_of(host: &str) -> &str {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.split(']').next().unwrap_or(bracketed);
    }
    host.split(':').next().unwrap_or(host)
}

fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Address of the server, method, headers as `name: value` with commas between, and whether it is refused.
    type Case = (&'static str, &'static str, &'static str, bool);

    const CASES: [Case; 24] = [
        // Programs, by any name that is not loopback's.
        ("10.0.0.5:9999", "POST", "host: control.prod:9999", false),
        ("10.0.0.5:9999", "GET", "host: control.prod:9999", false),
        ("127.0.0.1:9999", "POST", "host: 127.0.0.1:9999", false),
        ("127.0.0.1:9999", "POST", "host: LocalHost:9999", false),
        ("[::1]:9999", "POST", "host: [::1]:9999", false),
        ("127.0.0.1:9999", "GET", "", false),
        ("127.0.0.1:9999", "GET", "host: evil.example:9999", true),
        ("127.0.0.1:9999", "GET", "host: 127.0.0.1.evil.example", true),
        // Browsers: the server's own pages, and a name it was told.
        (
            "10.0.0.5:9999",
            "POST",
            "host: 10.0.0.5:9999, origin: http://10.0.0.5:9999",
            false,
        ),
        (
            "10.0.0.5:9999",
            "POST",
            "host: nines.corp, origin: https://nines.corp",
            false,
        ),
        (
            "127.0.0.1:9999",
            "POST",
            "host: Nines.corp:9999, origin: http://nines.corp:9999",
            false,
        ),
        (
            "127.0.0.1:9999",
            "GET",
            "host: localhost:9999, accept-language: en",
            false,
        ),
        (
            "127.0.0.1:9999",
            "POST",
            "host: localhost:9999, sec-fetch-site: same-origin",
            false,
        ),
        (
            "127.0.0.1:9999",
            "POST",
            "host: localhost:9999, sec-fetch-site: none",
            false,
        ),
        // A page of another site may read nothing of the answer, so only its writes matter.
        (
            "127.0.0.1:9999",
            "GET",
            "host: localhost:9999, origin: http://evil.example",
            false,
        ),
        (
            "10.0.0.5:9999",
            "POST",
            "host: 10.0.0.5:9999, origin: http://evil.example",
            true,
        ),
        ("10.0.0.5:9999", "POST", "host: 10.0.0.5:9999, origin: null", true),
        (
            "10.0.0.5:9999",
            "POST",
            "host: 10.0.0.5:9999, origin: http://10.0.0.5:8080",
            true,
        ),
        ("10.0.0.5:9999", "DELETE", "origin: http://evil.example", true),
        (
            "127.0.0.1:9999",
            "POST",
            "host: localhost:9999, sec-fetch-site: cross-site",
            true,
        ),
        (
            "127.0.0.1:9999",
            "POST",
            "host: localhost:9999, sec-fetch-site: same-site",
            true,
        ),
        // A name that was made to point here.
        (
            "10.0.0.5:9999",
            "POST",
            "host: evil.example, origin: http://evil.example, sec-fetch-site: same-origin",
            true,
        ),
        (
            "10.0.0.5:9999",
            "GET",
            "host: evil.example:9999, accept-language: en",
            true,
        ),
        (
            "10.0.0.5:9999",
            "GET",
            "host: evil.example:9999, sec-fetch-site: same-origin",
            true,
        ),
    ];

    #[test]
    fn a_page_of_another_site_may_not_write_and_may_not_borrow_a_name() {
        for (address, method, headers, refused) in CASES {
            let guard = Guard::new(&["nines.corp".into()], address.parse().expect("an address"));
            let fields = headers.split(", ").filter_map(|field| field.split_once(": "));
            let map = fields.map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
            let why = guard.refuses(
                &method.parse().expect("a method"),
                &Uri::from_static("/v1/x"),
                &map.collect(),
            );
            assert_eq!(why.is_some(), refused, "{method} to {address} with {headers}: {why:?}");
        }
    }

    #[test]
    fn a_refused_name_says_how_to_allow_it() {
        let guard = Guard::new(&[], "127.0.0.1:9999".parse().expect("an address"));
        // HTTP/2 names the host in the address.
        let uri = Uri::from_static("http://control.test:9999/nines.v1.Hub/Subscribe");
        let why = guard.refuses(&Method::POST, &uri, &HeaderMap::new()).expect("a reason");
        assert!(why.contains("--host-name control.test"), "{why}");
    }
}

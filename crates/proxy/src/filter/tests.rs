use super::*;
use crate::route::RequestParts;
use nines_model::route::{Header, HeaderModifier, PathModifier, PathModifierKind, Redirect, Rewrite};

fn filter(kind: FilterKind) -> Filter {
    Filter {
        kind,
        request_header_modifier: None,
        response_header_modifier: None,
        request_redirect: None,
        url_rewrite: None,
    }
}

fn modifier(remove: &[&str], set: &[(&str, &str)], add: &[(&str, &str)]) -> Filter {
    let headers = |pairs: &[(&str, &str)]| {
        let header = |(name, value): &(&str, &str)| Header {
            name: (*name).into(),
            value: (*value).into(),
        };
        pairs.iter().map(header).collect()
    };
    Filter {
        request_header_modifier: Some(HeaderModifier {
            remove: remove.iter().map(|name| (*name).into()).collect(),
            set: headers(set),
            add: headers(add),
        }),
        ..filter(FilterKind::RequestHeaderModifier)
    }
}

fn full(path: &str) -> PathModifier {
    PathModifier {
        kind: PathModifierKind::ReplaceFullPath,
        replace_full_path: Some(path.into()),
        replace_prefix_match: None,
    }
}

fn prefix(path: &str) -> PathModifier {
    PathModifier {
        kind: PathModifierKind::ReplacePrefixMatch,
        replace_full_path: None,
        replace_prefix_match: Some(path.into()),
    }
}

fn apply(edits: &HeaderEdits, message: &[(&str, &str)]) -> Vec<String> {
    let kept = message
        .iter()
        .copied()
        .filter(|(name, _)| !edits.drops(name.as_bytes()));
    kept.chain(edits.additions())
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

#[test]
fn header_edits() {
    let message = [("A", "1"), ("b", "2"), ("a", "3")];
    let one = |filter| Plans::compile(&[filter]).unwrap().request.headers;
    for (edits, expected) in [
        (one(modifier(&[], &[], &[])), vec!["A: 1", "b: 2", "a: 3"]),
        (one(modifier(&["a"], &[], &[])), vec!["b: 2"]),
        (one(modifier(&[], &[("A", "9")], &[])), vec!["b: 2", "a: 9"]),
        (
            one(modifier(&[], &[], &[("B", "9")])),
            vec!["A: 1", "b: 2", "a: 3", "b: 9"],
        ),
        (
            one(modifier(&["a"], &[("a", "8")], &[("a", "9")])),
            vec!["b: 2", "a: 8", "a: 9"],
        ),
    ] {
        assert_eq!(apply(&edits, &message), expected);
    }
}

#[test]
fn a_backends_edits_come_after_the_rules() {
    let rule = Plans::compile(&[modifier(&[], &[("a", "rule")], &[("b", "rule")])]).unwrap();
    let joined = rule.and_then(&[modifier(&["b"], &[], &[("a", "backend")])]).unwrap();
    assert_eq!(
        apply(&joined.request.headers, &[("a", "1"), ("b", "2")]),
        ["a: rule", "a: backend"]
    );
}

#[test]
fn what_would_break_a_message_is_refused() {
    for bad in [
        modifier(&["Content-Length"], &[], &[]),
        modifier(&[], &[("host", "x")], &[]),
        modifier(&[], &[("a b", "x")], &[]),
        modifier(&[], &[("", "x")], &[]),
        modifier(&[], &[("a", "x\r\ny: z")], &[]),
        modifier(&[], &[], &[("Transfer-Encoding", "chunked")]),
        filter(FilterKind::RequestRedirect),
        filter(FilterKind::UrlRewrite),
    ] {
        assert!(Plans::compile(std::slice::from_ref(&bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn path_rewrites() {
    for (modifier, path, matched, expected) in [
        (prefix("/xyz"), "/foo/bar", 4, "/xyz/bar"),
        (prefix("/xyz/"), "/foo/bar", 4, "/xyz/bar"),
        (prefix("/xyz"), "/foo", 4, "/xyz"),
        (prefix("/xyz"), "/foo/", 4, "/xyz/"),
        (prefix(""), "/foo/bar", 4, "/bar"),
        (prefix(""), "/foo/", 4, "/"),
        (prefix("/"), "/foo", 4, "/"),
        (prefix("/"), "/foo/", 4, "/"),
        (prefix("/xyz"), "/foo", 0, "/xyz/foo"),
        (full("/x/y"), "/foo/bar", 4, "/x/y"),
        (full(""), "/foo", 4, "/"),
    ] {
        let rewrite = PathRewrite::compile(&modifier).unwrap();
        let new = rewrite.apply(path.as_bytes(), matched).concat();
        assert_eq!(String::from_utf8(new).unwrap(), expected, "{modifier:?} {path}");
    }
    for bad in [
        full("x"),
        full("/a b"),
        full("/a?b"),
        full("//evil"),
        prefix("/a\r\n"),
        prefix("x"),
    ] {
        assert!(PathRewrite::compile(&bad).is_err(), "{bad:?}");
    }
}

struct Request(&'static str, &'static str, Option<&'static str>);

impl RequestParts for Request {
    fn method(&self) -> &[u8] {
        b"GET"
    }
    fn host(&self) -> &[u8] {
        self.0.as_bytes()
    }
    fn path(&self) -> &[u8] {
        self.1.as_bytes()
    }
    fn query(&self) -> Option<&[u8]> {
        self.2.map(str::as_bytes)
    }
    fn header(&self, _: &str) -> Option<&[u8]> {
        None
    }
}

#[test]
fn redirects() {
    let none = Redirect::default;
    let https = || Redirect {
        scheme: Some("https".into()),
        ..none()
    };
    let here = || Request("shop.local", "/a/b", Some("q=1"));
    for (redirect, request, port, expected) in [
        (none(), here(), 80, "http://shop.local/a/b?q=1"),
        (none(), here(), 8080, "http://shop.local:8080/a/b?q=1"),
        (https(), here(), 8080, "https://shop.local/a/b?q=1"),
        (
            Redirect {
                port: Some(8443),
                ..https()
            },
            here(),
            80,
            "https://shop.local:8443/a/b?q=1",
        ),
        (
            Redirect {
                port: Some(80),
                ..none()
            },
            here(),
            8080,
            "http://shop.local/a/b?q=1",
        ),
        (
            Redirect {
                hostname: Some("New.local".into()),
                ..none()
            },
            here(),
            80,
            "http://new.local/a/b?q=1",
        ),
        (
            Redirect {
                path: Some(full("/x")),
                ..none()
            },
            here(),
            80,
            "http://shop.local/x?q=1",
        ),
        (
            Redirect {
                path: Some(prefix("/x")),
                ..none()
            },
            here(),
            80,
            "http://shop.local/x/b?q=1",
        ),
        (none(), Request("", "/a", None), 80, "/a"),
    ] {
        let plan = RedirectPlan::compile(&redirect).unwrap();
        let location = plan.location(&request, 2, Scheme::Http, port);
        assert_eq!(String::from_utf8(location).unwrap(), expected, "{redirect:?}");
        assert_eq!(plan.status, 302);
    }
}

#[test]
fn redirects_and_hosts_that_are_none() {
    for bad in [
        Redirect {
            status_code: Some(200),
            ..Redirect::default()
        },
        Redirect {
            scheme: Some("ftp".into()),
            ..Redirect::default()
        },
        Redirect {
            hostname: Some("a/b".into()),
            ..Redirect::default()
        },
    ] {
        assert!(RedirectPlan::compile(&bad).is_err(), "{bad:?}");
    }
    let rewrite = |host: &str| Filter {
        url_rewrite: Some(Rewrite {
            hostname: Some(host.into()),
            path: None,
        }),
        ..filter(FilterKind::UrlRewrite)
    };
    assert!(Plans::compile(&[rewrite("*.a")]).is_err());
    assert_eq!(
        Plans::compile(&[rewrite("a.b")]).unwrap().request.host.as_deref(),
        Some("a.b")
    );
}

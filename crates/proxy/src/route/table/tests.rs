use super::*;
use crate::route::{Action, Refusal, RuleId};
use nines_model::route::{Match, ValueKind, ValueMatch};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

/// A request as tests write it.
#[derive(Debug, Clone)]
struct Request {
    method: &'static str,
    host: &'static str,
    path: String,
    query: Option<&'static str>,
    headers: Vec<(&'static str, &'static str)>,
}

impl RequestParts for Request {
    fn method(&self) -> &[u8] {
        self.method.as_bytes()
    }
    fn host(&self) -> &[u8] {
        self.host.as_bytes()
    }
    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }
    fn query(&self) -> Option<&[u8]> {
        self.query.map(str::as_bytes)
    }
    fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_bytes())
    }
}

/// One match: host, path (`=` before an exact one), method, headers, query.
type Spec = (
    &'static str,
    &'static str,
    &'static str,
    Vec<(&'static str, &'static str)>,
    Vec<(&'static str, &'static str)>,
);

fn values(pairs: &[(&str, &str)]) -> Vec<ValueMatch> {
    let value = |(name, value): &(&str, &str)| ValueMatch {
        kind: ValueKind::Exact,
        name: (*name).into(),
        value: (*value).into(),
    };
    pairs.iter().map(value).collect()
}

fn candidate(place: usize, spec: &Spec) -> (Host, Arc<Candidate>) {
    let (host, path, method, headers, query) = spec;
    let (kind, value) = match path.strip_prefix('=') {
        Some(exact) => (PathKind::Exact, exact),
        None => (PathKind::PathPrefix, *path),
    };
    let path = PathMatch {
        kind,
        value: value.into(),
    };
    let condition = Condition::from(&Match {
        path: None,
        method: (!method.is_empty()).then(|| (*method).into()),
        headers: values(headers),
        query_params: values(query),
    });
    let candidate = Candidate {
        path: RoutePath::new(Some(&path)),
        rank: Rank::new(&condition, ("default".into(), "r".into()), place, 0),
        condition,
        rule: Arc::new(CompiledRule {
            id: RuleId(place as u32),
            name: format!("default/r/{place}").into(),
            action: Action::Refuse(Refusal::invalid("test")),
        }),
    };
    let host = if *host == "*" {
        Host::Any
    } else {
        Host::parse(host).unwrap()
    };
    (host, Arc::new(candidate))
}

fn table(specs: &[Spec]) -> Table {
    let mut table = Table::default();
    for (place, spec) in specs.iter().enumerate() {
        let (host, candidate) = candidate(place, spec);
        table.insert(&host, candidate);
    }
    table.sort();
    table
}

fn get(host: &'static str, path: &str) -> Request {
    Request {
        method: "GET",
        host,
        path: path.into(),
        query: None,
        headers: vec![],
    }
}

#[track_caller]
fn check(specs: &[Spec], request: &Request, expected: Option<u32>) {
    let table = table(specs);
    assert_eq!(
        table.find(request).map(|found| found.rule.id.0),
        expected,
        "{request:?}"
    );
}

fn plain(host: &'static str, path: &'static str) -> Spec {
    (host, path, "", vec![], vec![])
}

#[test]
fn paths_by_segment_and_length() {
    let specs = [
        plain("*", "/a"),
        plain("*", "/a/b/"),
        plain("*", "=/a/b"),
        plain("*", "/long/prefix"),
    ];
    for (path, expected) in [
        ("/a", Some(0)),
        ("/a/", Some(0)),
        ("/a/x", Some(0)),
        ("/ab", None),
        ("/a/b", Some(2)),
        ("/a/b/", Some(1)),
        ("/a/b/c", Some(1)),
        ("/a/bc", Some(0)),
        ("/A", None),
        ("/", None),
        ("/long/prefix", Some(3)),
        ("/long", None),
    ] {
        check(&specs, &get("h", path), expected);
    }
}

#[test]
fn hosts_by_specificity() {
    let specs = [
        plain("*", "/"),
        plain("*.b.c", "/"),
        plain("*.c", "/"),
        plain("a.b.c", "/"),
    ];
    for (host, expected) in [
        ("a.b.c", 3),
        ("a.b.c.", 3),
        ("x.b.c", 1),
        ("y.x.b.c", 1),
        ("b.c", 2),
        ("c", 0),
        ("xc", 0),
        ("", 0),
        (".c", 0),
    ] {
        check(&specs, &get(host, "/"), Some(expected));
    }
}

#[test]
fn a_less_specific_host_takes_what_the_more_specific_leaves() {
    let specs = [plain("a.b", "/only"), plain("*.b", "/wide"), plain("*", "/")];
    for (path, expected) in [("/only", 0), ("/wide", 1), ("/x", 2)] {
        check(&specs, &get("a.b", path), Some(expected));
    }
}

#[test]
fn conditions_by_precedence() {
    let specs = [
        plain("*", "/"),
        ("*", "/", "", vec![], vec![("q", "1")]),
        ("*", "/", "", vec![("X-A", "1")], vec![]),
        ("*", "/", "", vec![("x-a", "1"), ("x-b", "2")], vec![]),
        ("*", "/", "POST", vec![], vec![]),
        ("*", "/deep", "", vec![], vec![]),
    ];
    let request = |method, headers: &[(&'static str, &'static str)], query| Request {
        method,
        headers: headers.to_vec(),
        query,
        ..get("h", "/")
    };
    for (request, expected) in [
        (request("GET", &[], None), 0),
        (request("GET", &[], Some("q=1")), 1),
        (request("GET", &[], Some("q=2")), 0),
        (request("GET", &[("x-a", "1")], Some("q=1")), 2),
        (request("GET", &[("x-a", "1"), ("x-b", "2")], None), 3),
        (request("GET", &[("x-a", "2"), ("x-b", "2")], None), 0),
        (request("POST", &[("x-a", "1"), ("x-b", "2")], Some("q=1")), 4),
        (request("post", &[], None), 0),
        (
            Request {
                path: "/deep".into(),
                ..request("POST", &[], None)
            },
            5,
        ),
    ] {
        check(&specs, &request, Some(expected));
    }
}

#[test]
fn the_first_of_equals_wins() {
    check(&[plain("*", "/a"), plain("*", "/a/")], &get("h", "/a"), Some(0));
}

/// Sorts everything and takes the first that fits.
fn naive(specs: &[Spec], request: &Request) -> Option<u32> {
    let fits = |(host, candidate): &(Host, Arc<Candidate>)| {
        let host_fits = match host {
            Host::Any => true,
            Host::Exact(name) => **name == *request.host,
            Host::Wildcard(suffix) => request.host.len() > suffix.len() && request.host.ends_with(&**suffix),
        };
        let path_fits = match &candidate.path {
            RoutePath::Exact(path) => **path == *request.path,
            RoutePath::Prefix(path) => request.path == **path || request.path.starts_with(&format!("{path}/")),
        };
        host_fits && path_fits && candidate.condition.holds(request)
    };
    let order = |(host, candidate): &(Host, Arc<Candidate>)| {
        let (kind, length) = match host {
            Host::Exact(_) => (0, 0),
            Host::Wildcard(suffix) => (1, suffix.len()),
            Host::Any => (2, 0),
        };
        let is_prefix = matches!(candidate.path, RoutePath::Prefix(_));
        (
            kind,
            Reverse(length),
            is_prefix,
            Reverse(candidate.path.prefix_length()),
            candidate.rank.clone(),
        )
    };
    let all = specs.iter().enumerate().map(|(place, spec)| candidate(place, spec));
    all.filter(fits)
        .min_by_key(order)
        .map(|(_, candidate)| candidate.rule.id.0)
}

fn pairs() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    prop::collection::vec(
        (prop_oneof![Just("a"), Just("b")], prop_oneof![Just("1"), Just("2")]),
        0..3,
    )
}

fn spec() -> impl Strategy<Value = Spec> {
    let host = prop::sample::select(vec!["*", "*.c", "*.b.c", "a.b.c", "b.c"]);
    let path = prop::sample::select(vec!["/", "/a", "/a/", "/a/b", "=/a", "=/", "=/a/b", "/ab"]);
    let method = prop::sample::select(vec!["", "", "GET", "POST"]);
    (host, path, method, pairs(), pairs())
}

proptest! {
    #[test]
    fn find_agrees_with_sorting_all_rules(
        specs in prop::collection::vec(spec(), 0..25),
        host in prop::sample::select(vec!["a.b.c", "x.b.c", "b.c", "c", "x.c", ""]),
        path in prop::sample::select(vec!["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b"]),
        headers in pairs(),
        post in any::<bool>(),
        query in prop::sample::select(vec![None, Some("a=1"), Some("b=2&a=1"), Some("a=2")]),
    ) {
        let request = Request { method: if post { "POST" } else { "GET" }, host, path: path.into(), query, headers };
        let found = table(&specs).find(&request).map(|found| found.rule.id.0);
        prop_assert_eq!(found, naive(&specs, &request));
    }
}

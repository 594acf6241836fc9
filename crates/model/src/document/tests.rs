use proptest::prelude::*;

use super::*;

const ROUTE: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders}
spec:
  parentRefs: [{name: edge}]
";

/// Reads documents and compares the problems, one a line.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let problems = parse(text, None).expect_err("the document is bad");
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn all_mistakes_of_a_document_come_at_once() {
    let rules = "  rules:
  - matchs: []
    matches: [{path: {type: RegularExpression, value: a}, method: 3}]
    timeouts: {request: 2 s}
    backendRefs: [{name: orders, weight: -5}, {weight: 5000000000}]
    filters:
";
    check(
        &format!("{ROUTE}{rules}"),
        &[
            "line 7 column 5: spec.rules[0].matchs: unknown field `matchs`, did you mean `matches`?",
            "line 8 column 23: spec.rules[0].matches[0].path.type: `RegularExpression` is not supported yet, use one of \
             Exact, PathPrefix",
            "line 8 column 59: spec.rules[0].matches[0].method: must be text, not the number 3: put it in quotes",
            "line 9 column 16: spec.rules[0].timeouts.request: `2 s` is not a duration: write terms of digits and h, m, \
             s or ms, for example 30s, 500ms or 1h30m",
            "line 10 column 34: spec.rules[0].backendRefs[0].weight: the number -5 is too small, the least is 0",
            "line 10 column 47: spec.rules[0].backendRefs[1].name: is missing",
            "line 10 column 48: spec.rules[0].backendRefs[1].weight: the number 5000000000 is too large, the most is \
             4294967295",
            "line 11 column 5: spec.rules[0].filters: is empty: write a list or remove the field",
        ],
    );
}

#[test]
fn what_must_be_a_mapping_says_of_what() {
    let service = "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: orders}\nspec:\n";
    check(
        &format!("{service}  endpoints: ['10.0.0.7:80']\n  selector: orders\n"),
        &[
            "line 5 column 15: spec.endpoints[0]: must be a mapping with address (allowed as well: labels, weight), not \
             the text `10.0.0.7:80`",
            "line 6 column 3: spec.selector: must be a mapping with any of labels, service, not the text `orders`",
        ],
    );
}

#[test]
fn an_unknown_field_does_not_hide_what_the_others_say() {
    check(
        &format!("{ROUTE}  hostname: [a.b]\n  hostnames: [A.b]\n  rules: [{{backendRefs: [{{name: Orders}}]}}]\n"),
        &[
            "line 6 column 3: spec.hostname: unknown field `hostname`, did you mean `hostnames`?",
            "line 7 column 15: spec.hostnames[0]: `A.b` is not a valid host name: write it in lower case",
            "line 8 column 27: spec.rules[0].backendRefs[0].name: `Orders` is not a valid name: use 1 to 128 of a-z, \
             0-9, '-' and '.', starting and ending with a letter or digit",
        ],
    );
}

#[test]
fn the_head_says_what_is_known() {
    let known = "known kinds are Gateway, HTTPRoute, Service, Policy";
    let cases = [
        ("- a\n", "line 1 column 1: a resource document is a mapping with apiVersion, kind, metadata and spec".into()),
        ("apiVersion: a\nkind: Gatway\n", format!("line 2 column 1: kind: unknown kind `Gatway`, did you mean `Gateway`? {known}")),
        ("apiVersion: a\nkind: Pod\n", format!("line 2 column 1: kind: unknown kind `Pod`, {known}")),
        ("apiVersion: a\nkind: GRPCRoute\n", format!("line 2 column 1: kind: GRPCRoute is not supported yet; {known}")),
        ("apiVersion: a\n", "line 1 column 1: kind: is missing".into()),
        ("apiVersion: 1\nkind: Service\n", "line 1 column 1: apiVersion: must be text".into()),
        (
            "kind: Service\napiVersion: v1\n",
            "line 2 column 1: apiVersion: a Service has apiVersion nines.dev/v1, not `v1`; the Service of Kubernetes is \
             another thing"
                .into(),
        ),
        (
            "kind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1beta1\n",
            "line 2 column 1: apiVersion: a HTTPRoute has apiVersion gateway.networking.k8s.io/v1, not \
             `gateway.networking.k8s.io/v1beta1`"
                .into(),
        ),
    ];
    for (text, expected) in cases {
        check(text, &[&expected]);
    }
}

#[test]
fn broken_text_is_told_with_its_place() {
    for (text, part) in [
        ("a: [1, 2\n", "line 1 column 4: does not parse: unclosed bracket"),
        (
            "a: b: c",
            "line 1 column 5: does not parse: mapping values are not allowed",
        ),
        (
            "a: *x",
            "line 1 column 4: does not parse: alias references unknown anchor",
        ),
        ("a: 1e999", "line 1 column 4: does not parse: non-finite float"),
        ("a: \0", "line 1 column 4: does not parse: unexpected character"),
        ("? [a]\n: b\n", "line 1 column 3: does not parse"),
        (
            &format!("a: {}", "[".repeat(200)),
            "line 1 column 203: does not parse: unclosed bracket",
        ),
        (
            &format!("a: {}1{}", "[".repeat(200), "]".repeat(200)),
            "line 1 column 67: is nested deeper than 64 levels",
        ),
        (
            &"x".repeat(yaml::MAX_TEXT + 1),
            "the text has 4194305 bytes, the limit is 4194304: split it",
        ),
    ] {
        let problems = parse(text, None).expect_err("broken");
        let first = problems[0].to_string();
        assert!(first.starts_with(part), "{first}");
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let former = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{former}]\n"));
    }
    let problems = parse(&text, None).expect_err("a bomb");
    assert!(
        problems[0].message.contains("aliases expand to more than is allowed"),
        "{}",
        problems[0]
    );
}

#[test]
fn documents_are_told_apart() {
    let service =
        |name: &str| format!("apiVersion: nines.dev/v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{}}\n");
    let text = format!(
        "# first\n---\n---\n{}---\n# only words\n---\n{}...\n",
        service("a"),
        service("b")
    );
    assert_eq!(parse(&text, None).expect("two good documents").len(), 2);
    assert_eq!(parse("", None), Ok(Vec::new()));
    let text = format!("a: [\n---\n{}---\n{}---\nkind: 3\n", service("a"), service("a"));
    check(
        &text,
        &[
            "line 1 column 4: does not parse: unclosed bracket '['",
            "line 13 column 1: kind: must be text",
            "line 13 column 1: apiVersion: is missing",
            "line 8 column 1: metadata.name: a second document for Service/default/a, the first begins at line 3",
        ],
    );
}

#[test]
fn a_key_that_stands_twice_is_refused_and_the_rest_is_read() {
    let text = "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: a}\nspec:\n  port: a\n  port: b\n  prot: c\n";
    check(
        text,
        &[
            "line 6 column 3: the key `port` stands twice in one mapping: keep one",
            "line 7 column 3: spec.prot: unknown field `prot`, did you mean `port`?",
        ],
    );
}

#[test]
fn json_is_read_too() {
    let text = "{\"apiVersion\": \"nines.dev/v1\",\n\t\"kind\": \"Service\",\n\t\"metadata\": {\"name\": \"a\"},\n\t\"spec\": {\"port\": 1}}";
    check(
        text,
        &["line 4 column 11: spec.port: must be text, not the number 1: put it in quotes"],
    );
    assert!(parse(&text.replace("1}}", "\"http\"}}"), None).is_ok());
}

#[test]
fn a_source_is_named() {
    let problems = parse("a: [", Some("routes.yaml")).expect_err("broken");
    assert!(
        problems[0].to_string().starts_with("routes.yaml:1:4: "),
        "{}",
        problems[0]
    );
}

#[test]
fn problems_of_resources_find_their_place() {
    let text = format!("{ROUTE}  rules: [{{backendRefs: [{{name: a}}, {{name: b}}]}}]\n");
    let documents = parse_documents(&text, Some("a.yaml")).expect("good");
    let problem = Problem::new("spec.rules[0].backendRefs[1].name", "is unknown");
    let placed = locate(&documents, vec![problem.clone().in_source("HTTPRoute/default/orders")]);
    assert_eq!(
        placed[0].to_string(),
        "a.yaml:6:38: spec.rules[0].backendRefs[1].name: is unknown"
    );
    let elsewhere = locate(&documents, vec![problem.in_source("Policy/default/orders")]);
    assert_eq!(elsewhere[0].line, None);
}

#[test]
fn any_type_can_be_decoded() {
    #[derive(Debug, PartialEq, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Stack {
        name: String,
        #[serde(default)]
        workers: Option<u16>,
    }
    let decoded = decode::<Stack>("name: shop\n", None);
    assert_eq!(
        decoded,
        Ok(Stack {
            name: "shop".into(),
            workers: None
        })
    );
    for (text, expected) in [
        ("", "the document is empty"),
        (
            "name: a\n---\nname: b\n",
            "line 3 column 1: a second document: write one document",
        ),
        (
            "name: a\nworkers: 70000\n",
            "line 2 column 1: workers: the number 70000 is too large, the most is 65535",
        ),
        (
            "name: a\nworkers:\n",
            "line 2 column 1: workers: is empty: write a whole number or remove the field",
        ),
    ] {
        let problems = decode::<Stack>(text, None).expect_err(text);
        assert_eq!(problems[0].to_string(), expected, "{text}");
    }
}

/// The documents of the design page, and every field of the schema.
const GOOD: &str = include_str!("../../testdata/good.yaml");

#[test]
fn good_documents_keep_their_meaning() {
    let resources = parse(GOOD, None).unwrap_or_else(|problems| panic!("{}", problem::render(&problems)));
    for resource in resources {
        let yaml = resource.to_yaml();
        assert_eq!(parse(&yaml, None), Ok(vec![resource.clone()]), "{yaml}");
        assert_eq!(Resource::from_json(&resource.to_json()), Ok(resource));
    }
}

#[test]
fn what_is_no_resource_of_ours_is_an_error() {
    for (json, message) in [
        (serde_json::json!({"kind": "Pod"}), "kind: unknown kind `Pod`"),
        (
            serde_json::json!({"kind": "Service", "metadata": {"name": "a"}}),
            "spec: is missing",
        ),
        (serde_json::json!(7), "kind: unknown kind ``"),
    ] {
        assert_eq!(Resource::from_json(&json).expect_err("bad").to_string(), message);
    }
}

fn text() -> impl Strategy<Value = String> {
    // Words that YAML reads as something else when they are not quoted, and any other text.
    prop_oneof![
        proptest::sample::select(vec![
            "",
            "no",
            "true",
            "null",
            "~",
            "1",
            "1e3",
            "0x1f",
            "- a",
            "a: b",
            "#",
            "*a",
            "|",
            "2026-01-01"
        ])
        .prop_map(String::from),
        "[ -~äß…\n\t]{0,30}",
    ]
}

proptest! {
    #[test]
    fn yaml_reads_back(body in text(), label in "[a-z0-9 :#'\"-]{0,20}", status in 200u16..600, count in 1u32..9) {
        let mut metadata = crate::Metadata {
            namespace: "default".into(),
            name: "a".into(),
            labels: Default::default(),
            annotations: [("note".to_owned(), body.clone())].into(),
        };
        metadata.labels.insert("l".into(), label);
        let spec = serde_json::json!({
            "targetRefs": [{"kind": "Service", "name": "a"}],
            "retry": {"attempts": count, "budget": {"ratio": f64::from(count) / 10.0, "minPerSecond": count}},
            "fallback": {"status": status, "body": body},
        });
        let spec = serde_json::from_value(spec).expect("a policy");
        let resource = Resource::Policy(Box::new(crate::Object { metadata, spec }));
        prop_assert_eq!(parse(&resource.to_yaml(), None), Ok(vec![resource.clone()]));
        prop_assert_eq!(Resource::from_json(&resource.to_json()), Ok(resource));
    }

    #[test]
    fn no_text_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let problems = parse(&text, None).err().unwrap_or_default();
        prop_assert!(problems.len() <= problem::MAX_PROBLEMS + 1);
    }

    #[test]
    fn no_document_makes_it_panic(at in 0usize..2000, cut in 0usize..20, with in "[\\[\\]{}:,&*#|>'\"!%@`\n -]{0,4}") {
        let start = GOOD.floor_char_boundary(at.min(GOOD.len()));
        let end = GOOD.floor_char_boundary((start + cut).min(GOOD.len()));
        let text = format!("{}{with}{}", &GOOD[..start], &GOOD[end..]);
        for problem in parse(&text, Some("x")).err().unwrap_or_default() {
            prop_assert!(!problem.to_string().is_empty());
        }
    }
}

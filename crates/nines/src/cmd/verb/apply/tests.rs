use nines_wire::rest::{AppliedView, ErrorDetail, ProblemView, Touched};

use super::*;

fn answer(dry_run: bool, diff: Option<&str>) -> ApplyView {
    let result = |name: &str, outcome, diff: Option<&str>| AppliedView {
        kind: "HTTPRoute".into(),
        namespace: "default".into(),
        name: name.into(),
        outcome,
        diff: diff.map(Into::into),
    };
    ApplyView {
        revision: 9,
        dry_run,
        results: vec![
            result("orders", Outcome::Updated, diff),
            result("users", Outcome::Unchanged, None),
        ],
        touches: Touched {
            routes: vec!["default/orders".into()],
            services: Vec::new(),
            instances: 3,
        },
    }
}

#[test]
fn an_apply_tells_what_became_of_each_document() {
    assert_eq!(
        render(&answer(false, None), Style::Plain),
        "KIND       NAME            OUTCOME
HTTPRoute  default/orders  updated
HTTPRoute  default/users   unchanged

touches routes: default/orders; services: none; instances: 3
revision 9
"
    );
}

#[test]
fn a_dry_run_shows_the_difference_first() {
    let text = render(
        &answer(true, Some("--- now\n+++ then\n@@ -1 +1 @@\n-a\n+b\n")),
        Style::Plain,
    );
    assert!(
        text.starts_with("--- now\n+++ then\n@@ -1 +1 @@\n-a\n+b\n\nKIND "),
        "{text}"
    );
    assert!(text.contains("\nwould touch routes:"), "{text}");
    assert!(text.ends_with("nothing was changed (dry run)\n"), "{text}");
}

fn file(text: &str) -> (tempfile::TempDir, ApplyArgs) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.yaml"), text).expect("a file");
    let files = vec![folder.path().join("a.yaml")];
    (folder, ApplyArgs { files, dry_run: false })
}

const SERVICE: &str =
    "# comment\napiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: orders}\nspec: {port: http}\n";

#[test]
fn mistakes_are_told_with_file_and_line() {
    let (_folder, args) = file("apiVersion: nines.dev/v1\nkind: Service\nmetadata: {nam: x}\nspec: {}\n");
    let failure = read(&args, "default").expect_err("two mistakes");
    assert_eq!(failure.code(), 2);
    let text = failure.to_string();
    assert!(
        text.contains("a.yaml:3:12: metadata.nam: unknown field `nam`, did you mean `name`?"),
        "{text}"
    );
}

#[test]
fn the_namespace_of_the_command_line_is_the_default() {
    let (_folder, args) = file(SERVICE);
    let documents = read(&args, "shop").expect("valid");
    assert_eq!(documents[0].key().to_string(), "Service/shop/orders");
}

#[test]
fn what_the_control_plane_finds_is_placed_in_the_file() {
    let (_folder, args) = file(SERVICE);
    let documents = read(&args, "default").expect("valid");
    let problem = ProblemView {
        path: "spec.port".into(),
        line: Some(99),
        column: None,
        message: "is wrong".into(),
        source: Some("Service/default/orders".into()),
    };
    let detail = ErrorDetail {
        kind: "invalid_argument".into(),
        message: String::new(),
        path: None,
        problems: vec![problem],
    };
    let text = placed(RestError::Refused(detail), &documents).to_string();
    assert!(text.ends_with("a.yaml:5:8: spec.port: is wrong"), "{text}");
}

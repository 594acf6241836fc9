use super::*;
#[test]
fn probe() {
    for text in [
        "a: [1, 2\n",
        "a: 1\na: 2\nb: 1\n",
        "kind: Foo\napiVersion: x\n",
        "- a\n",
        "",
        "---\n---\n# x\n",
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n---\nkind: servce\napiVersion: a\n---\nkind: 3\n",
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {nmae: orders, labels: {a: 1}}\nspec:\n  parentRefs: [{name: edge}]\n  hostnames: [shop.local, 'A.b']\n  rules:\n  - matchs: [{path: {type: PathPrefix, value: /orders}}]\n    matches: [{path: {type: RegularExpression, value: a}, method: 3}]\n    timeouts: {request: 2 s}\n    backendRefs: [{name: orders, weight: -5}, {name: orders-v2, weight: 5000000000}]\n    filters:\n",
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: orders}\nspec:\n  parentRefs: [{name: edge}]\n  hostnames: [shop.local, 'A.b']\n  rules:\n  - matchs: [{path: {type: PathPrefix, value: /orders}}]\n    timeouts: {request: 2s}\n    backendRefs: [{name: Orders}]\n",
        "{\"apiVersion\": \"nines.dev/v1\",\n\t\"kind\": \"Service\",\n\t\"metadata\": {\"name\": \"a\\/b\\ud83d\\ude00\"}, \"spec\": {}}",
        "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
        &"[".repeat(1000),
        &"{a: ".repeat(100),
        "a: *x",
        "a: .nan\n",
        "a: 1e999",
        "a: 99999999999999999999999",
        "%YAML 1.2\n---\na: 1\n",
        "a: b: c",
        "\ta: 1",
        "a: |\n  x\n---\nb: no\n",
        "? [a, b]\n: c\n",
        "a: \0",
        "1: 2\n",
        "<<: {a: 1}\nb: 2\n",
    ] {
        println!("=== {}", text.chars().take(80).collect::<String>());
        match parse(text, Some("f.yaml")) {
            Ok(r) => println!("OK {}", r.iter().map(|r| r.to_yaml()).collect::<String>()),
            Err(p) => println!("{}", problem::render(&p)),
        }
    }
}

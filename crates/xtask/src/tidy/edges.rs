//! Which crate may use which: arrows only downwards (ARCHITECTURE.md, "Crates").

use serde_json::Value;

/// Each crate with those of ours that it may use. A new crate gets a line here and in ARCHITECTURE.md.
const ALLOWED: &[(&str, &[&str])] = &[
    ("nines-base", &[]),
    ("nines-model", &["nines-base"]),
    ("nines-runtime", &["nines-base"]),
    ("nines-store", &["nines-base"]),
    ("nines-resilience", &["nines-base", "nines-model"]),
    ("nines-balance", &["nines-base", "nines-model"]),
    ("nines-wire", &["nines-base", "nines-model"]),
    (
        "nines-client",
        &["nines-base", "nines-model", "nines-runtime", "nines-wire"],
    ),
    (
        "nines-control",
        &[
            "nines-base",
            "nines-model",
            "nines-runtime",
            "nines-store",
            "nines-wire",
        ],
    ),
    (
        "nines-proxy",
        &[
            "nines-base",
            "nines-model",
            "nines-runtime",
            "nines-client",
            "nines-balance",
            "nines-resilience",
            "nines-wire",
        ],
    ),
    (
        "nines-sdk",
        &[
            "nines-base",
            "nines-model",
            "nines-runtime",
            "nines-client",
            "nines-balance",
            "nines-resilience",
        ],
    ),
    (
        "nines",
        &[
            "nines-base",
            "nines-model",
            "nines-runtime",
            "nines-store",
            "nines-wire",
            "nines-client",
            "nines-control",
            "nines-proxy",
            "nines-sdk",
        ],
    ),
    ("nines-bench", &["nines-base", "nines-model", "nines-resilience"]),
    ("nines-xtask", &[]),
    ("shop", &["nines-sdk"]),
];

/// Crates that must stay free of the async runtime, so that their logic can be tested without one.
const WITHOUT_TOKIO: &[&str] = &["nines-base", "nines-model"];

/// Every edge that the table does not have. Dev-dependencies keep the same arrows.
pub(super) fn check(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.flat_map(check_package).collect()
}

fn check_package(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{name}: unknown crate; add it to xtask/src/tidy/edges.rs and ARCHITECTURE.md"
        )];
    };
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    dependencies
        .filter_map(|dependency| refuse(name, allowed, dependency))
        .collect()
}

fn refuse(name: &str, allowed: &[&str], dependency: &Value) -> Option<String> {
    let used = dependency["name"].as_str().unwrap_or_default();
    let ours = used == "nines" || used == "shop" || used.starts_with("nines-");
    // A crate may name itself to switch on a feature for its own tests.
    let itself = used == name && dependency["kind"] == "dev";
    if ours && !itself && !allowed.contains(&used) {
        return Some(format!(
            "{name} may not use {used}: arrows go only downwards (ARCHITECTURE.md, \"Crates\")"
        ));
    }
    let in_code = dependency["kind"].is_null();
    let runtime = WITHOUT_TOKIO.contains(&name) && in_code && used == "tokio";
    runtime.then(|| format!("{name} may not use tokio: it is pure"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(name: &str, dependency: &str) -> Value {
        json!({"packages": [{"name": name, "dependencies": [{"name": dependency, "kind": null}]}]})
    }

    #[test]
    fn edges() {
        for (name, dependency, findings) in [
            ("nines-proxy", "nines-client", 0),
            ("nines-proxy", "nines-control", 1),
            ("nines-proxy", "nines-store", 1),
            ("nines-base", "nines-model", 1),
            ("nines-model", "tokio", 1),
            ("nines-model", "serde", 0),
            ("nines-stranger", "serde", 1),
        ] {
            assert_eq!(
                check(&metadata(name, dependency)).len(),
                findings,
                "{name} -> {dependency}"
            );
        }
    }
}

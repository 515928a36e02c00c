//! Which way the arrows point.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::engines::workspace;

/// Each crate of the workspace, and those of its crates that it may know.
const MAY_KNOW: [(&str, &[&str]); 10] = [
    ("domain", &[]),
    ("eventlog", &[]),
    ("http_client", &[]),
    ("commands", &["domain", "eventlog"]),
    ("projections", &["domain", "eventlog"]),
    (
        "workers",
        &[
            "commands",
            "projections",
            "domain",
            "eventlog",
            "http_client",
        ],
    ),
    ("assist", &["domain", "http_client"]),
    (
        "api",
        &[
            "assist",
            "commands",
            "projections",
            "domain",
            "eventlog",
            "http_client",
        ],
    ),
    ("vendor", &[]),
    (
        "patron",
        &[
            "api",
            "assist",
            "workers",
            "commands",
            "projections",
            "domain",
            "eventlog",
            "http_client",
            "vendor",
        ],
    ),
];

/// What a crate must not know of the world outside.
const MUST_NOT_KNOW: [(&str, &[&str]); 8] = [
    (
        "domain",
        &[
            "tokio", "redis", "mongodb", "bson", "axum", "reqwest", "futures", "clap",
        ],
    ),
    ("eventlog", &["mongodb", "bson", "axum", "reqwest", "clap"]),
    (
        "http_client",
        &["redis", "mongodb", "bson", "axum", "serde", "clap"],
    ),
    (
        "commands",
        &["redis", "mongodb", "bson", "axum", "reqwest", "clap"],
    ),
    ("projections", &["redis", "axum", "reqwest", "clap"]),
    ("workers", &["redis", "axum", "clap"]),
    ("assist", &["redis", "mongodb", "bson", "axum", "clap"]),
    ("api", &["redis", "mongodb", "bson", "clap"]),
];

/// The two programs: nothing else reads the environment.
const READERS: [&str; 2] = ["patron/src", "vendor/src"];

/// By crate: what it is built from, not counting what only its tests need.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let of_package = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let built = all.filter(|dependency| dependency["kind"] != "dev");
        let names = built.map(|dependency| dependency["name"].as_str().unwrap().to_owned());
        (
            package["name"].as_str().unwrap().to_owned(),
            names.collect(),
        )
    };
    packages.map(of_package).collect()
}

#[test]
fn the_arrows_point_down_and_never_back() {
    let dependencies = dependencies();
    let crates: Vec<_> = dependencies.keys().map(String::as_str).collect();
    let mut known: Vec<_> = MAY_KNOW.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(crates, known, "a new crate gets its place in MAY_KNOW");
    for (name, may_know) in MAY_KNOW {
        for dependency in &dependencies[name] {
            let inner = crates.contains(&dependency.as_str());
            assert!(
                !inner || may_know.contains(&dependency.as_str()),
                "{name} knows {dependency}"
            );
        }
    }
}

#[test]
fn each_crate_knows_only_its_part_of_the_world() {
    let dependencies = dependencies();
    for (name, must_not_know) in MUST_NOT_KNOW {
        for dependency in &dependencies[name] {
            assert!(
                !must_not_know.contains(&dependency.as_str()),
                "{name} knows {dependency}"
            );
        }
    }
}

#[test]
fn only_the_programs_read_the_environment() {
    let signs = [
        "env::var",
        "env::args",
        "std::env::",
        "env = \"",
        "from_env",
    ];
    let mut sources = Vec::new();
    for (name, _) in MAY_KNOW {
        collect(&workspace().join(name).join("src"), &mut sources);
    }
    assert!(sources.len() > 50, "the sources are where they were");
    for path in sources {
        let relative = path.strip_prefix(workspace()).unwrap();
        if READERS.iter().any(|reader| relative.starts_with(reader)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let found = signs.iter().find(|sign| text.contains(**sign));
        assert_eq!(found, None, "{}", relative.display());
    }
}

fn collect(dir: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}

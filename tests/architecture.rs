//! Direction of the dependencies between crates, and the libraries that each may use.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::engines::workspace;

/// Each crate of the workspace with the workspace crates that it may depend on.
const ALLOWED_CRATES: [(&str, &[&str]); 13] = [
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
    ("engines", &[]),
    ("import", &["http_client"]),
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
            "engines",
            "import",
        ],
    ),
    (
        "bench",
        &[
            "assist",
            "commands",
            "projections",
            "domain",
            "eventlog",
            "engines",
        ],
    ),
];

/// External crates that a crate must not depend on.
const FORBIDDEN_CRATES: [(&str, &[&str]); 8] = [
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

/// Modules of `api`, from the bottom up. A module imports only modules of its own row and
/// of the rows before it. A longer name takes precedence over its beginning.
const API_LAYERS: [&[&str]; 9] = [
    // The HTTP kit, which knows no resource and no identity.
    &["http"],
    // Who sent a request, and what they may do.
    &["identity"],
    // The parts of resources that the state holds.
    &[
        "resources::ai::assistant",
        "resources::ai::facts",
        "resources::delivery::secrets",
        "resources::health::readiness",
        "resources::jobs::registry",
        "resources::shared::own_writes",
    ],
    &["state"],
    // What several resources share.
    &["resources::shared"],
    &["resources"],
    &["routes"],
    &["openapi", "router"],
    &["serve"],
];

/// Sources of the programs and of the options that they take over from `engines` and `import`, the
/// only ones that read the environment.
const READERS: [&str; 5] = [
    "patron/src",
    "vendor/src",
    "bench/src",
    "engines/src",
    "import/src",
];

/// Dependencies of each workspace crate, without its dev-dependencies.
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
fn crates_depend_only_on_crates_below_them() {
    let dependencies = dependencies();
    let crates: Vec<_> = dependencies.keys().map(String::as_str).collect();
    let mut known: Vec<_> = ALLOWED_CRATES.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(
        crates, known,
        "ALLOWED_CRATES must list every crate of the workspace"
    );
    for (name, allowed) in ALLOWED_CRATES {
        for dependency in &dependencies[name] {
            let inner = crates.contains(&dependency.as_str());
            assert!(
                !inner || allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn crates_use_only_their_external_libraries() {
    let dependencies = dependencies();
    for (name, forbidden) in FORBIDDEN_CRATES {
        for dependency in &dependencies[name] {
            assert!(
                !forbidden.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
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
    for (name, _) in ALLOWED_CRATES {
        collect(&workspace().join(name).join("src"), &mut sources);
    }
    assert!(sources.len() > 50, "the source directories were not found");
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

#[test]
fn modules_of_the_api_import_only_modules_below_them() {
    let src = workspace().join("api/src");
    let mut sources = Vec::new();
    collect(&src, &mut sources);
    let mut imports = 0;
    for path in sources {
        let relative = path.strip_prefix(&src).unwrap().with_extension("");
        let mut module: Vec<_> = relative.iter().map(|name| name.to_str().unwrap()).collect();
        if module.last() == Some(&"mod") {
            module.pop();
        }
        if module == ["lib"] {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let layer = layer_of(&module).unwrap_or_else(|| panic!("{module:?} is in no layer"));
        for imported in imports_of(&module, &text) {
            let imported: Vec<_> = imported.iter().map(String::as_str).collect();
            // A name that is no module is an item of the crate's root.
            let Some(below) = layer_of(&imported) else {
                continue;
            };
            assert!(below <= layer, "{module:?} must not import {imported:?}");
            imports += 1;
        }
    }
    assert!(imports > 500, "only {imports} imports were found");
}

/// Returns the row of [`API_LAYERS`] that has the longest beginning of a path.
fn layer_of(path: &[&str]) -> Option<usize> {
    (1..=path.len()).rev().find_map(|length| {
        let name = path[..length].join("::");
        API_LAYERS.iter().position(|row| row.contains(&&*name))
    })
}

/// Returns the paths within the crate that a module names, outside its comments and tests.
fn imports_of(module: &[&str], text: &str) -> Vec<Vec<String>> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let starts = code
        .match_indices("crate::")
        .chain(code.match_indices("super::"));
    let mut found = Vec::new();
    for (at, first) in starts {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|before| before.is_alphanumeric() || "_:".contains(before)) {
            continue;
        }
        let mut rest = &code[at + first.len()..];
        let mut base = module.to_vec();
        match first {
            "crate::" => base.clear(),
            _ => drop(base.pop()),
        }
        while let Some(shorter) = rest.strip_prefix("super::") {
            (rest, _) = (shorter, base.pop());
        }
        let names = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap().split(',').collect(),
            None => vec![rest],
        };
        let is_in_path = |char: char| char.is_alphanumeric() || "_:".contains(char);
        for name in names {
            let name = name.trim();
            let end = name.find(|char| !is_in_path(char)).unwrap_or(name.len());
            let path = name[..end].split("::").filter(|part| !part.is_empty());
            let path = base.iter().copied().chain(path);
            found.push(path.map(str::to_owned).collect());
        }
    }
    found
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

/// Folders of a crate, in an order in which each may use only the ones after it.
const FOLDERS: [(&str, &[&str]); 1] = [(
    "projections",
    &["accounting", "analytics", "records", "views", "runtime"],
)];

#[test]
fn folders_of_a_crate_use_only_folders_below_them() {
    for (name, folders) in FOLDERS {
        for (index, folder) in folders.iter().enumerate() {
            let mut sources = Vec::new();
            let path = workspace().join(name).join("src").join(folder);
            collect(&path, &mut sources);
            assert!(!sources.is_empty(), "{} was not found", path.display());
            for source in sources {
                let text = fs::read_to_string(&source).unwrap();
                // Names that the crate exports would hide where they come from.
                for line in text.lines().filter(|line| line.contains("crate::")) {
                    let uses = line.split("crate::").skip(1);
                    let modules = uses.map(|rest| rest.split([':', ';', '{', '<', '(', ')', ' ']));
                    for module in modules.filter_map(|mut parts| parts.next()) {
                        assert!(
                            folders[index..].contains(&module),
                            "{} must not use crate::{module}: {line}",
                            source.display()
                        );
                    }
                }
            }
        }
    }
}

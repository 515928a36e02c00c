//! Direction of the dependencies between crates and between their files, and the libraries that
//! each crate may use.

mod imports;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use self::imports::{Imports, ItemPath, cycle_in, imports_of_files};
use crate::support::engines::workspace;

/// Each crate of the workspace with the workspace crates that it may depend on.
const ALLOWED_CRATES: [(&str, &[&str]); 16] = [
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
    ("console", &[]),
    ("demo", &["commands", "domain", "eventlog"]),
    (
        "api",
        &[
            "assist",
            "commands",
            "console",
            "demo",
            "importer",
            "projections",
            "domain",
            "eventlog",
            "http_client",
        ],
    ),
    ("vendor", &[]),
    ("engines", &[]),
    ("importer", &["domain"]),
    ("import", &["importer", "http_client"]),
    (
        "patron",
        &[
            "api",
            "assist",
            "workers",
            "commands",
            "demo",
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
const FORBIDDEN_CRATES: [(&str, &[&str]); 11] = [
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
    ("workers", &["redis", "mongodb", "bson", "axum", "clap"]),
    ("assist", &["redis", "mongodb", "bson", "axum", "clap"]),
    (
        "console",
        &["redis", "mongodb", "bson", "reqwest", "serde", "clap"],
    ),
    (
        "demo",
        &["redis", "mongodb", "bson", "axum", "reqwest", "clap"],
    ),
    (
        "importer",
        &["redis", "mongodb", "bson", "axum", "reqwest", "clap"],
    ),
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
        "resources::admin::demo_load",
        "resources::admin::setting",
        "resources::ai::assistant",
        "resources::ai::facts",
        "resources::delivery::secrets",
        "resources::health::readiness",
        "resources::imports::files",
        "resources::imports::folder",
        "resources::imports::partial",
        "resources::imports::registry",
        "resources::imports::stored",
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
    let mut count = 0;
    for (module, imports) in imports_in("api") {
        // The root is above all modules.
        if module.is_empty() {
            continue;
        }
        let layer = layer_of(&module).unwrap_or_else(|| panic!("{module:?} is in no layer"));
        for imported in imports {
            let below = layer_of(&imported).is_some_and(|below| below <= layer);
            assert!(below, "{module:?} must not import {imported:?}");
            count += 1;
        }
    }
    assert!(count > 500, "only {count} imports were found");
}

/// Returns the row of [`API_LAYERS`] that has the longest beginning of a path.
fn layer_of(path: &[String]) -> Option<usize> {
    (1..=path.len()).rev().find_map(|length| {
        let name = path[..length].join("::");
        API_LAYERS.iter().position(|row| row.contains(&&*name))
    })
}

#[test]
fn files_do_not_import_each_other_in_a_cycle() {
    for (name, _) in ALLOWED_CRATES {
        assert_eq!(
            cycle_in(&imports_in(name)),
            None,
            "cycle of files in {name}"
        );
    }
}

/// Returns the files that each file of a crate imports from, by module.
fn imports_in(name: &str) -> Imports {
    let src = workspace().join(name).join("src");
    let mut sources = Vec::new();
    collect(&src, &mut sources);
    let texts = sources.iter().map(|path| {
        let module = module_of(path.strip_prefix(&src).unwrap());
        (module, fs::read_to_string(path).unwrap())
    });
    imports_of_files(&texts.collect())
}

/// Returns the module of a file below `src`, empty for the root of the crate.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let mut module: Vec<_> = path
        .iter()
        .map(|name| name.to_str().unwrap().to_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str()))
    {
        module.pop();
    }
    module
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
        let imports = imports_in(name);
        for (index, folder) in folders.iter().enumerate() {
            let in_folder = |module: &ItemPath| module.first().is_some_and(|first| first == folder);
            let files: Vec<_> = imports.iter().filter(|(file, _)| in_folder(file)).collect();
            assert!(!files.is_empty(), "{folder} was not found");
            for (file, imports) in files {
                for imported in imports {
                    let first = imported.first().map(String::as_str);
                    let below = first.is_some_and(|first| folders[index..].contains(&first));
                    assert!(below, "{file:?} must not use {imported:?}");
                }
            }
        }
    }
}

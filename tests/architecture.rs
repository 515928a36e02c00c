//! Direction of the dependencies between crates and between their files, and the libraries that
//! each crate may use.

use std::collections::{BTreeMap, BTreeSet};
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
    ("workers", &["redis", "mongodb", "bson", "axum", "clap"]),
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
        let module = module_of(path.strip_prefix(&src).unwrap());
        if module.is_empty() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let layer = layer_of(&module).unwrap_or_else(|| panic!("{module:?} is in no layer"));
        for imported in imports_of(&module, &text) {
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
fn layer_of(path: &[String]) -> Option<usize> {
    (1..=path.len()).rev().find_map(|length| {
        let name = path[..length].join("::");
        API_LAYERS.iter().position(|row| row.contains(&&*name))
    })
}

#[test]
fn files_do_not_import_each_other_in_a_cycle() {
    for (name, _) in ALLOWED_CRATES {
        let src = workspace().join(name).join("src");
        let mut sources = Vec::new();
        collect(&src, &mut sources);
        sources.retain(|path| !path.to_str().unwrap().ends_with("tests.rs"));
        let files = sources.iter().map(|path| {
            let module = module_of(path.strip_prefix(&src).unwrap());
            let imports = imports_of(&module, &fs::read_to_string(path).unwrap());
            (module, imports)
        });
        let files: BTreeMap<_, _> = files.collect();
        // The file of a path is the longest beginning of it that is a module.
        let file_of = |path: &Vec<String>| {
            let mut beginnings = (1..=path.len()).rev().map(|length| &path[..length]);
            let file = beginnings.find(|beginning| files.contains_key(*beginning));
            file.map(<[String]>::to_vec)
        };
        let imports = files.iter().map(|(file, paths)| {
            let imported = paths
                .iter()
                .filter_map(file_of)
                .filter(|other| other != file);
            (file.clone(), imported.collect::<BTreeSet<_>>())
        });
        let mut imports: BTreeMap<_, _> = imports.collect();
        // Removes files that import no other or that no other imports, until only cycles are left.
        loop {
            let left: BTreeSet<_> = imports.keys().cloned().collect();
            for imported in imports.values_mut() {
                imported.retain(|file| left.contains(file));
            }
            let imported: BTreeSet<_> = imports.values().flatten().cloned().collect();
            imports.retain(|file, others| !others.is_empty() && imported.contains(file));
            if imports.len() == left.len() {
                break;
            }
        }
        assert!(imports.is_empty(), "cycle of files in {name}: {imports:#?}");
    }
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

/// Returns the paths within the crate that a module names, outside its comments and tests.
/// `pub use child::Name` does not count, since it only exports a name.
fn imports_of(module: &[String], text: &str) -> Vec<Vec<String>> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with("//"));
    let code = format!("\n{}", lines.collect::<Vec<_>>().join("\n"));
    let mut found = Vec::new();
    for first in ["\nuse ", "crate::", "super::"] {
        for (at, _) in code.match_indices(first) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|before| before.is_alphanumeric() || "_:".contains(before)) {
                continue;
            }
            read_paths(code[at..].trim_start_matches("\nuse "), module, &mut found);
        }
    }
    found
}

/// Reads the paths at the start of a text, such as `super::a::{b, c::D}`, which is named in a
/// module. Returns the text after them.
fn read_paths<'a>(mut text: &'a str, module: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = module.to_vec();
    loop {
        if let Some(group) = text.strip_prefix('{') {
            text = group.trim_start();
            while !text.is_empty() && !text.starts_with('}') {
                text = read_paths(text, &path, found);
                // What follows a path is `*`, an alias, or nothing.
                text = text.trim_start_matches(|char: char| !",}".contains(char));
                text = text.trim_start_matches([',', ' ', '\n']);
            }
            return text.strip_prefix('}').unwrap_or(text);
        }
        let is_in_name = |char: char| char.is_alphanumeric() || char == '_';
        let end = text.find(|char| !is_in_name(char)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        match name {
            "" | "self" => {}
            "crate" => path.clear(),
            "super" => drop(path.pop()),
            name => path.push(name.to_owned()),
        }
        match rest.strip_prefix("::") {
            Some(rest) => text = rest,
            None => {
                found.push(path);
                return rest;
            }
        }
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

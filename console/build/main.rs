//! Builds the pages of the console with node, and writes a table of the built files for
//! `src/files.rs`.
//!
//! Everything that is built or fetched is below `console` in the target directory, shared by all
//! profiles: the packages by the hash of the lock file, and the pages by the hash of their
//! sources. The sources are copied there first, so the source tree is never written to.

#![expect(
    clippy::print_stdout,
    reason = "cargo reads the instructions of a build script from its output"
)]

mod error;
mod node;
mod pages;
mod table;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::error::{BuildError, at};

/// Variable that chooses what happens if the pages cannot be built.
const MODE: &str = "PATRON_CONSOLE";

/// A path that never exists. Cargo runs the script again at the next build, because it takes the
/// missing file for a change.
const NEVER: &str = "this-file-does-not-exist";

/// How the build treats the pages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Build them; without them, build the program all the same, with a page that says why.
    Try,
    /// Build them or fail.
    Required,
    /// Do not build them.
    Off,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the console cannot be built: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), BuildError> {
    let mode = mode()?;
    let sources = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    println!("cargo:rerun-if-env-changed={MODE}");
    println!("cargo:rerun-if-changed=build");
    for path in pages::watched(&sources)? {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    if mode == Mode::Off {
        let reason = format!("it was built with {MODE}=off");
        return table::write_missing(&out, &reason);
    }
    let cache = cache(&out);
    match build(&sources, &cache, &out) {
        Ok(()) => Ok(()),
        Err(error) if mode == Mode::Required => Err(error),
        Err(error) => {
            println!("cargo:rerun-if-changed={NEVER}");
            let reason = error.to_string();
            println!(
                "cargo:warning=built without the console: {}",
                reason.lines().next().unwrap_or_default()
            );
            table::write_missing(&out, &reason)
        }
    }
}

/// Builds the pages unless they are in the cache, and writes their table.
fn build(sources: &Path, cache: &Path, out: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(cache).map_err(at(cache))?;
    // Another profile or workspace may build into the same target directory at the same time.
    let path = cache.join(".lock");
    let lock = File::create(&path).map_err(at(&path))?;
    lock.lock().map_err(at(&path))?;
    let accepted = pages::accepted_node(sources)?;
    let node = node::find(&accepted, cache)?;
    let packages = pages::install(&node, sources, cache)?;
    let built = pages::build(&node, &packages, sources, cache)?;
    export("NODE", &node.program);
    export("PACKAGES", &packages);
    if let Some(npm) = &node.npm {
        export("NPM", npm);
    }
    table::write(out, &built)
}

/// Makes a path a constant of the crate.
fn export(name: &str, path: &Path) {
    println!("cargo:rustc-env=PATRON_CONSOLE_{name}={}", path.display());
}

fn mode() -> Result<Mode, BuildError> {
    let given = env::var(MODE).unwrap_or_default();
    match given.as_str() {
        "" => Ok(Mode::Try),
        "required" => Ok(Mode::Required),
        "off" => Ok(Mode::Off),
        other => Err(BuildError(format!(
            "{MODE}={other} is not known; use `required`, `off`, or nothing"
        ))),
    }
}

fn variable(name: &str) -> Result<String, BuildError> {
    env::var(name).map_err(|error| BuildError(format!("{name}: {error}")))
}

/// Returns the directory in the target directory for what all profiles share. Cargo marks the
/// target directory with a file of this name.
fn cache(out: &Path) -> PathBuf {
    let target = out
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").exists());
    target.unwrap_or(out).join("console")
}

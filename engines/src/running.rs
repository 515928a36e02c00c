//! URLs of the engines of a running `patron`, for other commands on the same data directory.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::lock::DirLock;
use super::{EngineError, files};

const FILE: &str = "running.json";

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

    /// Removes the URLs of an earlier run, which a reader could not tell from those of the process
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
/// Returns `Starting` if that process has not started its engines yet.
pub fn running(dir: &Path) -> Result<Option<EngineUrls>, EngineError> {
    if !dir.exists() {
        return Ok(None);
    }
    // The file of a process that has ended may still exist, so only the lock shows that its
    // content is valid.
    match DirLock::acquire(dir) {
        Ok(_released_again) => Ok(None),
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
    use super::*;
    use crate::{EngineOptions, Engines};

    fn urls(redis_url: &str) -> EngineUrls {
        EngineUrls {
            redis_url: redis_url.to_owned(),
            mongodb_uri: "mongodb://h".to_owned(),
        }
    }

    #[tokio::test]
    async fn urls_of_an_earlier_run_are_not_those_of_a_run_that_is_starting() {
        let dir = std::env::temp_dir().join(format!("patron-running-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        urls("redis://earlier").save(&dir).unwrap();
        assert!(running(&dir).unwrap().is_none());

        let lock = DirLock::acquire(&dir).unwrap();
        EngineUrls::remove(&dir).unwrap();
        let starting = running(&dir).err().unwrap();
        assert!(
            starting.to_string().contains("is still starting"),
            "{starting}"
        );
        drop(lock);

        let options = EngineOptions {
            data_dir: dir.clone(),
            redis_url: Some("redis://now".to_owned()),
            mongodb_uri: Some("mongodb://now".to_owned()),
            bin_dir: None,
        };
        let engines = Engines::start(&options).await.unwrap();
        let found = running(&dir).unwrap().unwrap();
        assert_eq!(found.redis_url, "redis://now");
        engines.stop().await;
        fs::remove_dir_all(&dir).unwrap();
    }
}

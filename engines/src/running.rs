//! URLs of the engines of a running `patron`, for other commands on the same data directory.

use std::fs;
use std::io;
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
}

/// Returns the engines' URLs of the `patron` that uses this directory; `None` if no process does.
pub fn running(dir: &Path) -> Result<Option<EngineUrls>, EngineError> {
    if !dir.exists() {
        return Ok(None);
    }
    // The file of a process that has ended may still exist, so only the lock shows that its
    // content is valid.
    match DirLock::acquire(dir) {
        Ok(_released_again) => Ok(None),
        Err(EngineError::InUse { .. }) => {
            let path = dir.join(FILE);
            let bytes = fs::read(&path).map_err(EngineError::file(&path))?;
            serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(io::Error::from)
                .map_err(EngineError::file(&path))
        }
        Err(other) => Err(other),
    }
}

//! Where the engines of a running `patron` are, for commands run beside it.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::lock::DirLock;
use super::{EngineError, files};

const FILE: &str = "running.json";

/// The engines of a data directory that is in use.
#[derive(Deserialize, Serialize)]
pub(crate) struct Running {
    /// `redis://…`
    pub(crate) redis_url: String,
    /// `mongodb://…`
    pub(crate) mongodb_uri: String,
}

impl Running {
    pub(super) fn save(&self, dir: &Path) -> Result<(), EngineError> {
        let path = dir.join(FILE);
        let bytes = serde_json::to_vec(self)
            .map_err(io::Error::from)
            .map_err(EngineError::file(&path))?;
        files::replace(&path, &bytes)
    }
}

/// The engines of the `patron` that uses this directory; `None` if none does.
pub(crate) fn running(dir: &Path) -> Result<Option<Running>, EngineError> {
    if !dir.exists() {
        return Ok(None);
    }
    match DirLock::take(dir) {
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

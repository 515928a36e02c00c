//! Private directories, and small files whose replacement is atomic.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::EngineError;

/// Creates the directory if it is missing, and returns its absolute path. Only its owner can read
/// it, since it contains personal data.
pub(super) fn private_dir(dir: &Path) -> Result<PathBuf, EngineError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .and_then(|()| dir.canonicalize())
        .map_err(EngineError::file(dir))
}

/// Appends an extension to the path: `lock` and `next` make `lock.next`.
pub(super) fn with_added_extension(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// Replaces a file atomically: a reader sees the whole old content or the whole new content, even
/// after a crash.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), EngineError> {
    let next = with_added_extension(path, "next");
    File::create(&next)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&next, path))
        .map_err(EngineError::file(path))
}

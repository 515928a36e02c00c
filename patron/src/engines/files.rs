//! Small files and directories of our own, written so that a crash leaves the old or the new.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::EngineError;

/// Makes the directory if it is not there, readable by its owner alone (it holds personal
/// data), and returns its absolute path.
pub(super) fn private_dir(dir: &Path) -> Result<PathBuf, EngineError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .and_then(|()| dir.canonicalize())
        .map_err(EngineError::file(dir))
}

/// The path with one more extension: `lock` and `next` make `lock.next`.
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// Replaces a file as one step: whoever reads sees all of the old or all of the new.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), EngineError> {
    let next = beside(path, "next");
    File::create(&next)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&next, path))
        .map_err(EngineError::file(path))
}

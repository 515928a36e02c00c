//! Paths of the files of an import.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::ImportError;

/// Returns the path in the form that all spellings of it have. The last part may not exist yet.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let by_folder = || {
        let folder = path.parent()?;
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        Some(folder.canonicalize().ok()?.join(path.file_name()?))
    };
    path.canonicalize()
        .ok()
        .or_else(by_folder)
        .unwrap_or_else(|| path.to_owned())
}

/// Checks that a file can be created in the folder of this path.
pub(super) fn require_writable_folder(path: &Path) -> Result<(), ImportError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let refused = |error| Err(ImportError::file("write", path)(error));
    match fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => refused(io::ErrorKind::NotADirectory.into()),
        Ok(metadata) if metadata.permissions().readonly() => {
            refused(io::ErrorKind::PermissionDenied.into())
        }
        Ok(_) => Ok(()),
        Err(error) => refused(error),
    }
}

pub(super) fn require_regular_file(path: &Path) -> Result<(), ImportError> {
    // Opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(ImportError::file("read", path))?;
    if metadata.is_file() {
        return Ok(());
    }
    Err(ImportError::Options(format!(
        "{} is not a regular file; an import must be able to seek in it",
        path.display()
    )))
}

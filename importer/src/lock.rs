//! Lock of a running import: a second one with the same journal would count and record the same
//! rows.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::ImportError;
use super::private_file;

/// Lock that ends when it is dropped, or its process ends.
#[derive(Debug)]
pub(super) struct ImportLock {
    path: PathBuf,
    file: File,
}

impl ImportLock {
    /// Takes the lock of the import with this journal: a file next to it.
    ///
    /// # Errors
    /// Returns [`ImportError::Running`] if another import has it.
    pub(super) fn take(journal: &Path) -> Result<Self, ImportError> {
        let mut name = journal.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        loop {
            let file = private_file::open(&path).map_err(ImportError::file("write", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(ImportError::Running {
                        journal: journal.into(),
                    });
                }
                // Some file systems have no locks. The import is no worse without.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => {
                    return Err(ImportError::file("lock", &path)(error));
                }
            }
            // An import that ended meanwhile has removed the file that was opened.
            let is_same = |there: fs::Metadata, opened: fs::Metadata| {
                (there.dev(), there.ino()) == (opened.dev(), opened.ino())
            };
            if let (Ok(there), Ok(opened)) = (fs::metadata(&path), file.metadata())
                && is_same(there, opened)
            {
                return Ok(Self { path, file });
            }
        }
    }
}

impl Drop for ImportLock {
    fn drop(&mut self) {
        // The lock counts, not the file: one that stays is taken by the next import.
        let _removed = fs::remove_file(&self.path);
        let _unlocked = self.file.unlock();
    }
}

//! Uploads that are not complete.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use domain::ImportId;

use super::files::{private_file, sync_folder, write_json};
use super::stored::StoredImport;

/// Upload that is not complete. Dropping it removes its folder.
#[derive(Debug)]
pub(crate) struct PartialImport {
    root: PathBuf,
    path: Option<PathBuf>,
}

impl PartialImport {
    /// Takes charge of the folder `path` within `root`.
    pub(super) fn new(root: PathBuf, path: PathBuf) -> Self {
        Self {
            root,
            path: Some(path),
        }
    }

    /// Creates the file that is uploaded.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn create_file(&self) -> io::Result<File> {
        private_file()
            .create_new(true)
            .open(self.path().join("file"))
    }

    /// Returns the folder.
    pub(crate) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(&self.root)
    }

    /// Completes the upload. Everything is on disk on return.
    ///
    /// # Errors
    /// If a file cannot be written, or the import's files exist.
    pub(crate) fn complete(mut self, id: &ImportId, stored: &StoredImport) -> io::Result<()> {
        let path = self.path();
        write_json(&path.join("import.json"), stored)?;
        sync_folder(path)?;
        fs::rename(path, self.root.join(id.as_str()))?;
        self.path = None;
        sync_folder(&self.root)
    }
}

impl Drop for PartialImport {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_dir_all(path)
        {
            tracing::warn!(%error, path = %path.display(), "an incomplete upload was not removed");
        }
    }
}

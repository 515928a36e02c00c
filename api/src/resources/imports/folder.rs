//! Files of imports on the disk of this process.
//!
//! `DIR/NAMESPACE/IMPORT/` holds one import: `file` as it was uploaded, `import.json`
//! about it, `plan.json` about its run, the importer's `journal` and `refused.ndjson`, and
//! `sent.json`, the counts of a run that has sent every row. A
//! folder whose name ends in `.partial` is an upload that is not complete. Folders are
//! readable by their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use commands::Context;
use domain::{ImportCounts, ImportId, ImportPlan, ImportedFile, Timestamp};
use importer::ImportJournal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Suffix of the folder of an upload that is not complete.
const PARTIAL: &str = ".partial";

/// Folder with the imports of this process.
#[derive(Debug)]
pub(crate) struct ImportFolder {
    root: PathBuf,
    /// Locked while this process uses the folder.
    _lock: File,
}

/// Metadata of an uploaded file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredImport {
    pub(crate) file: ImportedFile,
    /// Layout that was detected, as JSON.
    pub(crate) detected: Option<String>,
}

/// A run: what a process needs to continue it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredRun {
    pub(crate) plan: ImportPlan,
    /// Format of the file.
    pub(crate) format: importer::FileFormat,
    /// Actor on whose behalf the rows are recorded.
    actor: String,
    request: Option<String>,
    address: Option<std::net::IpAddr>,
}

impl StoredRun {
    /// Creates the run that the request with this context starts.
    pub(crate) fn new(plan: ImportPlan, format: importer::FileFormat, context: &Context) -> Self {
        Self {
            plan,
            format,
            actor: context.actor.clone(),
            request: context.request.clone(),
            address: context.address,
        }
    }

    /// Returns the context of commands that are executed at this time.
    pub(crate) fn context(&self, now: Timestamp) -> Context {
        Context {
            actor: self.actor.clone(),
            request: self.request.clone(),
            address: self.address,
            now,
        }
    }
}

/// Upload that is not complete. Dropping it removes its folder.
#[derive(Debug)]
pub(crate) struct PartialImport {
    root: PathBuf,
    path: Option<PathBuf>,
}

impl ImportFolder {
    /// Opens the folder, and creates it if it does not exist. Returns `None` if another
    /// process uses it.
    ///
    /// # Errors
    /// If the folder cannot be created or locked.
    pub(crate) fn open(directory: &Path, namespace: &str) -> io::Result<Option<Self>> {
        let root = directory.join(domain::key_part(namespace));
        private_folder().recursive(true).create(&root)?;
        let lock = private_file().truncate(false).open(root.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let folder = Self { root, _lock: lock };
        folder.remove_partial()?;
        Ok(Some(folder))
    }

    /// Removes what uploads and previews of an earlier process left.
    fn remove_partial(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(PARTIAL) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Returns the imports whose files are here.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(crate) fn imports(&self) -> io::Result<Vec<ImportId>> {
        let mut imports = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_import = name.to_string_lossy().starts_with("imp_");
            if is_import && let Ok(id) = ImportId::try_from(&*name.to_string_lossy()) {
                imports.push(id);
            }
        }
        Ok(imports)
    }

    /// Begins an upload: creates its folder.
    ///
    /// # Errors
    /// If the folder cannot be created.
    pub(crate) fn begin(&self, name: &str) -> io::Result<PartialImport> {
        let path = self.root.join(format!("{name}{PARTIAL}"));
        private_folder().create(&path)?;
        Ok(PartialImport {
            root: self.root.clone(),
            path: Some(path),
        })
    }

    /// Returns true if the uploaded file is here.
    pub(crate) fn has_file(&self, id: &ImportId) -> bool {
        self.file(id).exists()
    }

    /// Returns true if any file of the import is here.
    pub(crate) fn exists(&self, id: &ImportId) -> bool {
        self.of(id).exists()
    }

    /// Returns the path of the uploaded file.
    pub(crate) fn file(&self, id: &ImportId) -> PathBuf {
        self.of(id).join("file")
    }

    /// Returns the path of the importer's journal.
    pub(crate) fn journal(&self, id: &ImportId) -> PathBuf {
        self.of(id).join("journal")
    }

    /// Returns the path of the refused rows.
    pub(crate) fn refused(&self, id: &ImportId) -> PathBuf {
        self.of(id).join("refused.ndjson")
    }

    /// Reads what is known about an uploaded file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn stored(&self, id: &ImportId) -> io::Result<StoredImport> {
        read_json(&self.of(id).join("import.json"))
    }

    /// Reads the run of an import.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn run(&self, id: &ImportId) -> io::Result<StoredRun> {
        read_json(&self.of(id).join("plan.json"))
    }

    /// Replaces the run of an import. It is on disk on return.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn set_run(&self, id: &ImportId, run: &StoredRun) -> io::Result<()> {
        let folder = self.of(id);
        write_json(&folder.join("plan.new"), run)?;
        fs::rename(folder.join("plan.new"), folder.join("plan.json"))?;
        sync_folder(&folder)
    }

    /// Returns the counts of a run that has sent every row, if its end may not be recorded
    /// yet. The importer has removed its journal by then.
    pub(crate) fn sent(&self, id: &ImportId) -> Option<ImportCounts> {
        read_json(&self.of(id).join("sent.json")).ok()
    }

    /// Keeps the counts of a run that has sent every row. They are on disk on return.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn set_sent(&self, id: &ImportId, counts: &ImportCounts) -> io::Result<()> {
        let folder = self.of(id);
        write_json(&folder.join("sent.new"), counts)?;
        fs::rename(folder.join("sent.new"), folder.join("sent.json"))?;
        sync_folder(&folder)
    }

    /// Returns the progress that the importer's journal has.
    pub(crate) fn journaled(&self, id: &ImportId) -> Option<ImportJournal> {
        read_json(&self.journal(id)).ok()
    }

    /// Removes the uploaded file and the journal, but not the refused rows. Removes
    /// everything if there are none.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub(crate) fn remove_file(&self, id: &ImportId) -> io::Result<()> {
        if !self.refused(id).exists() {
            return self.remove(id);
        }
        for path in [self.file(id), self.journal(id)] {
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Removes all files of an import, if there are any.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub(crate) fn remove(&self, id: &ImportId) -> io::Result<()> {
        match fs::remove_dir_all(self.of(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Returns true if the refused rows were last written at least `age` ago.
    pub(crate) fn are_refused_older_than(&self, id: &ImportId, age: Duration) -> bool {
        is_older(&self.refused(id), age)
    }

    /// Returns true if the files of an import are at least `age` old.
    pub(crate) fn is_older_than(&self, id: &ImportId, age: Duration) -> bool {
        is_older(&self.of(id), age)
    }

    fn of(&self, id: &ImportId) -> PathBuf {
        self.root.join(id.as_str())
    }
}

impl PartialImport {
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

fn is_older(path: &Path, age: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|file| file.modified());
    modified.is_ok_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() >= age)
}

fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut file = private_file().truncate(true).open(path)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn stored() -> StoredImport {
        StoredImport {
            file: ImportedFile {
                file_name: "orders.csv".to_owned().try_into().unwrap(),
                bytes: 2,
                sha256: "00".to_owned().try_into().unwrap(),
            },
            detected: None,
        }
    }

    #[test]
    fn an_upload_is_private_and_counts_once_it_is_complete() {
        let directory = tempfile::tempdir().unwrap();
        let open = || ImportFolder::open(directory.path(), "patron").unwrap();
        let folder = open().unwrap();
        assert!(open().is_none(), "another process has the folder");
        let id = ImportId::from(1);
        let partial = folder.begin("u1").unwrap();
        partial.create_file().unwrap().write_all(b"ab").unwrap();
        assert_eq!(folder.imports().unwrap(), []);
        partial.complete(&id, &stored()).unwrap();
        assert_eq!(folder.imports().unwrap(), std::slice::from_ref(&id));
        assert_eq!(folder.stored(&id).unwrap().file, stored().file);
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.of(&id)), 0o700);
        assert_eq!(mode(folder.file(&id)), 0o600);
        folder.remove_file(&id).unwrap();
        assert!(!folder.of(&id).exists(), "nothing was refused");
    }

    #[test]
    fn incomplete_uploads_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let folder = ImportFolder::open(directory.path(), "a/b")
            .unwrap()
            .unwrap();
        let left = folder.begin("left").unwrap();
        let path = left.path().to_owned();
        std::mem::forget(left);
        let dropped = folder.begin("dropped").unwrap();
        let dropped_path = dropped.path().to_owned();
        drop(dropped);
        assert!(!dropped_path.exists());
        drop(folder);
        let folder = ImportFolder::open(directory.path(), "a/b")
            .unwrap()
            .unwrap();
        assert!(!path.exists());
        assert_eq!(folder.imports().unwrap(), []);
    }
}

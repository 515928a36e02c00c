//! Files of imports on the disk of this process.
//!
//! `DIR/NAMESPACE/IMPORT/` holds one import: `file` as it was uploaded, `import.json`
//! about it, `plan.json` about its run, the importer's `journal` and `refused.ndjson`. A
//! folder whose name ends in `.partial` is an upload that is not complete. Folders are
//! readable by their owner alone.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::ImportId;
use importer::ImportJournal;

use super::files::{is_older, private_file, private_folder, read_json, sync_folder, write_json};
use super::partial::PartialImport;
use super::stored::{StoredImport, StoredRun};

/// Suffix of the folder of an upload that is not complete.
const PARTIAL: &str = ".partial";

/// Folder with the imports of this process.
#[derive(Debug)]
pub(crate) struct ImportFolder {
    root: PathBuf,
    /// Locked while this process uses the folder.
    _lock: File,
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
        Ok(PartialImport::new(self.root.clone(), path))
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

    /// Returns true if no file of an import was written for this long.
    pub(crate) fn is_older_than(&self, id: &ImportId, age: Duration) -> bool {
        let folder = self.of(id);
        let files = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut paths = files.map(|file| file.path());
        is_older(&folder, age) && paths.all(|path| is_older(&path, age))
    }

    fn of(&self, id: &ImportId) -> PathBuf {
        self.root.join(id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    use domain::ImportedFile;

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

    #[test]
    fn an_import_is_as_old_as_its_newest_file() {
        let directory = tempfile::tempdir().unwrap();
        let folder = ImportFolder::open(directory.path(), "patron")
            .unwrap()
            .unwrap();
        let id = ImportId::from(1);
        let partial = folder.begin("u1").unwrap();
        partial.create_file().unwrap();
        partial.complete(&id, &stored()).unwrap();
        let day = Duration::from_secs(86_400);
        assert!(!folder.is_older_than(&id, day));
        let paths = ["", "file", "import.json"].map(|name| folder.of(&id).join(name));
        for path in &paths {
            assert!(!folder.is_older_than(&id, day));
            let file = File::open(path).unwrap();
            file.set_modified(SystemTime::now() - 2 * day).unwrap();
        }
        assert!(folder.is_older_than(&id, day));
        assert!(!folder.is_older_than(&ImportId::from(2), day));
    }
}

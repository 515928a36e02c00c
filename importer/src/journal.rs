//! Journal of an import: its progress on disk, so that an interrupted import can continue.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::error::ImportError;
use super::lines::FilePosition;
use super::private_file;
use super::record::RowNotes;

/// Size of the parts in which the file is read for its hash, in bytes.
const HASHED_PART: usize = 256 << 10;

/// Content of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportJournal {
    /// Identity of the imported file.
    pub source: SourceId,
    /// Resource, server, format and mapping of the import, in a form that is only compared.
    pub(super) import: String,
    /// Position up to which the server has acknowledged everything.
    pub done: FilePosition,
    /// Counts of the records before `done`.
    pub counts: ImportCounts,
    /// Path of the file of refused lines.
    pub(super) rejects: PathBuf,
    /// Length of that file at `done`, in bytes.
    pub(super) rejects_bytes: u64,
}

/// Identity of a file: its size, and a hash of its whole content. A time of modification would not
/// do: it is kept by some copies of other files, and changed by copies of the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceId {
    /// Size of the file, in bytes.
    pub size: u64,
    /// Hash of the content. Absent in journals of earlier versions, which do not continue.
    #[serde(default)]
    hash: String,
}

/// Counts of records by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    /// Records read.
    pub read: u64,
    /// Items that were new.
    pub created: u64,
    /// Items with other content than before.
    pub updated: u64,
    /// Items with the same content as before.
    pub unchanged: u64,
    /// Items that were older than what is recorded, which change nothing.
    #[serde(default)]
    pub stale: u64,
    /// Orders that were moved to another customer, which change nothing.
    #[serde(default)]
    pub moved: u64,
    /// Records that were not accepted.
    pub refused: u64,
    /// Records that an earlier one of the file equals. They are not sent.
    #[serde(default)]
    pub repeated: u64,
    /// Records that are left out on request, such as failed payments.
    #[serde(default)]
    pub skipped: u64,
    /// What was noted about the rows of a table.
    #[serde(default)]
    pub notes: RowNotes,
    /// Rows of the file that the records consist of.
    #[serde(default)]
    pub rows: u64,
}

/// Journal of an earlier, interrupted import.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PreviousJournal {
    /// There is no journal.
    Missing,
    /// The journal is of the same import, which can continue.
    Same(ImportJournal),
    /// The journal is of another import, with the reason why this one cannot continue it.
    Other(&'static str),
}

impl SourceId {
    /// Reads the whole file.
    pub(super) fn of(path: &Path) -> Result<Self, ImportError> {
        Self::read(path).map_err(ImportError::file("read", path))
    }

    fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (mut hash, mut size) = (Xxh3::new(), 0);
        let mut part = vec![0; HASHED_PART];
        loop {
            let read = match file.read(&mut part) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hash.update(&part[..read]);
            size += read as u64;
        }
        Ok(Self {
            size,
            hash: format!("{:016x}", hash.digest()),
        })
    }
}

impl ImportJournal {
    /// Returns the journal of an import that has not begun.
    pub(super) fn new(source: SourceId, import: String, rejects: PathBuf) -> Self {
        let (done, counts) = (FilePosition::default(), ImportCounts::default());
        Self {
            source,
            import,
            done,
            counts,
            rejects,
            rejects_bytes: 0,
        }
    }

    /// Loads an earlier journal, and compares it with this one.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is not a journal.
    pub(super) fn load_previous(&self, path: &Path) -> Result<PreviousJournal, ImportError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(PreviousJournal::Missing);
            }
            Err(error) => return Err(ImportError::file("read", path)(error)),
        };
        let previous: Self = serde_json::from_slice(&text).map_err(|_| ImportError::Occupied {
            path: path.into(),
            expected: "a journal of an import",
            option: "--journal",
        })?;
        Ok(if previous.source.hash.is_empty() {
            PreviousJournal::Other("the journal is of an earlier version")
        } else if previous.source != self.source {
            PreviousJournal::Other("the file has changed")
        } else if previous.import != self.import {
            PreviousJournal::Other("it had another server or other options")
        } else {
            PreviousJournal::Same(previous)
        })
    }

    /// Replaces the journal atomically: after an error or a crash the previous one is intact.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = private_file::create(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_import_of_the_same_file_continues() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("orders.csv");
        let path = folder.path().join("orders.csv.patron-import");
        fs::write(&source, "a,b\n1,2\n").unwrap();
        let journal = || ImportJournal::new(SourceId::of(&source).unwrap(), "x".into(), "r".into());
        assert_eq!(
            journal().load_previous(&path).unwrap(),
            PreviousJournal::Missing
        );

        let mut saved = journal();
        saved.done = FilePosition { line: 2, offset: 8 };
        saved.counts.read = 1;
        saved.save(&path).unwrap();
        assert_eq!(
            journal().load_previous(&path).unwrap(),
            PreviousJournal::Same(saved.clone())
        );

        let other = ImportJournal {
            import: "y".into(),
            ..journal()
        };
        assert!(matches!(
            other.load_previous(&path).unwrap(),
            PreviousJournal::Other(_)
        ));
        fs::write(&source, "a,b\n1,3\n").unwrap();
        assert!(matches!(
            journal().load_previous(&path).unwrap(),
            PreviousJournal::Other(_)
        ));
        assert!(saved.load_previous(&source).is_err());
    }

    #[test]
    fn a_change_anywhere_in_the_file_is_detected_even_if_its_size_stays() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("orders.csv");
        let mut content = vec![b'x'; 3 * HASHED_PART];
        fs::write(&source, &content).unwrap();
        let before = SourceId::of(&source).unwrap();
        assert_eq!(before, SourceId::of(&source).unwrap());
        for at in [0, HASHED_PART, content.len() - 1] {
            content[at] = b'y';
            fs::write(&source, &content).unwrap();
            let after = SourceId::of(&source).unwrap();
            assert_eq!(after.size, before.size);
            assert_ne!(after, before, "byte {at}");
            content[at] = b'x';
        }
    }

    #[test]
    fn the_journal_of_an_earlier_version_does_not_continue() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("orders.csv");
        fs::write(&source, "a,b\n1,2\n").unwrap();
        let journal = ImportJournal::new(SourceId::of(&source).unwrap(), "x".into(), "r".into());
        let mut earlier = serde_json::to_value(&journal).unwrap();
        earlier["source"] = serde_json::json!({"size": 8, "head": "0123456789abcdef"});
        let path = folder.path().join("orders.csv.patron-import");
        fs::write(&path, earlier.to_string()).unwrap();
        assert_eq!(
            journal.load_previous(&path).unwrap(),
            PreviousJournal::Other("the journal is of an earlier version")
        );
    }
}

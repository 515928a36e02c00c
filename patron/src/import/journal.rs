//! How far an import has come, kept on disk so that it can continue.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::lines::Cursor;

const HEAD: u64 = 64 << 10;

/// The contents of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// Which file it is about.
    pub(super) source: SourceId,
    /// What is done with the file: resource, server and mapping, in any form that can be
    /// compared.
    pub(super) import: String,
    /// Up to where the server has acknowledged everything.
    pub(super) done: Cursor,
    pub(super) counts: Counts,
    /// Where the refused lines are, and how long that file was.
    pub(super) rejects: PathBuf,
    pub(super) rejects_bytes: u64,
}

/// What tells a file from another, or from an earlier state of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SourceId {
    /// In bytes.
    pub(super) size: u64,
    /// A hash of the first 64 KiB.
    head: String,
}

/// What became of the records so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) read: u64,
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) refused: u64,
}

/// What was found where the journal would be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Same(Journal),
    /// It cannot be continued, because of this.
    Other(&'static str),
}

impl SourceId {
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("{}", path.display());
        // Before it is opened: opening a pipe would wait for its other end.
        let metadata = fs::metadata(path).with_context(context)?;
        if !metadata.is_file() {
            bail!(
                "{} is not a regular file; an import must be able to go back",
                path.display()
            );
        }
        let mut head = Vec::new();
        File::open(path)
            .with_context(context)?
            .take(HEAD)
            .read_to_end(&mut head)?;
        Ok(Self {
            size: metadata.len(),
            head: format!("{:016x}", xxh3_64(&head)),
        })
    }
}

impl Journal {
    /// The journal of an import that has not begun.
    pub(super) fn new(source: SourceId, import: String, rejects: PathBuf) -> Self {
        let (done, counts) = (Cursor::default(), Counts::default());
        Self {
            source,
            import,
            done,
            counts,
            rejects,
            rejects_bytes: 0,
        }
    }

    /// Looks for a journal of the same import as this one.
    pub(super) fn find(&self, path: &Path) -> anyhow::Result<Found> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
        };
        let found: Self = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} is not a journal of an import; say --journal to name another",
                path.display()
            )
        })?;
        Ok(if found.source != self.source {
            Found::Other("the file has changed since")
        } else if found.import != self.import {
            Found::Other("it was to another server or with other options")
        } else {
            Found::Same(found)
        })
    }

    /// Replaces the journal; after an error or a crash the one before is there, whole.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = File::create(&new)?;
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
        let journal = || Journal::new(SourceId::of(&source).unwrap(), "x".into(), "r".into());
        assert_eq!(journal().find(&path).unwrap(), Found::Nothing);

        let mut saved = journal();
        saved.done = Cursor { line: 2, offset: 8 };
        saved.counts.read = 1;
        saved.save(&path).unwrap();
        assert_eq!(journal().find(&path).unwrap(), Found::Same(saved.clone()));

        let other = Journal {
            import: "y".into(),
            ..journal()
        };
        assert!(matches!(other.find(&path).unwrap(), Found::Other(_)));
        fs::write(&source, "a,b\n1,3\n").unwrap();
        assert!(matches!(journal().find(&path).unwrap(), Found::Other(_)));
        assert!(saved.find(&source).is_err());
    }
}

//! File of refused lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::encoding::LineEncoding;
use super::error::ImportError;
use super::option_names::OptionNames;
use super::private_file;
use super::record::RefusedRecord;

/// Writer of the file of refused lines, which is NDJSON. The file is created with the first
/// refused line.
pub(super) struct Rejects {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
    /// The file is that of an earlier import, and replaced by [`Rejects::append`].
    is_of_earlier: bool,
    names: OptionNames,
}

#[derive(Serialize)]
struct Row<'a> {
    line: u64,
    /// Number of rows, if there are several.
    #[serde(skip_serializing_if = "is_one")]
    rows: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_line: Option<u64>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    input: String,
}

impl Rejects {
    /// Opens the file and truncates it to `keep` bytes. If `keep` is 0, as for a new import, the file
    /// stays until [`Rejects::append`] is called.
    ///
    /// # Errors
    /// Returns an error, and leaves the file unchanged, if it is not a file of refused lines.
    pub(super) fn open(path: &Path, keep: u64) -> Result<Self, ImportError> {
        let read = |error| ImportError::file("read", path)(error);
        let mut rejects = Self {
            path: path.to_owned(),
            file: None,
            bytes: 0,
            is_of_earlier: false,
            names: OptionNames::default(),
        };
        if !path.exists() {
            return Ok(rejects);
        }
        if !is_ours(path).map_err(read)? {
            return Err(ImportError::Occupied {
                path: path.into(),
                expected: "a file of refused lines",
                option: "--rejects",
            });
        }
        if keep == 0 {
            rejects.is_of_earlier = true;
            return Ok(rejects);
        }
        rejects
            .reopen(keep)
            .map_err(ImportError::file("write", path))?;
        Ok(rejects)
    }

    /// Names options in reasons with these names.
    pub(super) fn naming(self, names: OptionNames) -> Self {
        Self { names, ..self }
    }

    fn reopen(&mut self, keep: u64) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        private_file::restrict(&file)?;
        self.bytes = keep.min(file.metadata()?.len());
        file.set_len(self.bytes)?;
        file.seek(SeekFrom::End(0))?;
        self.file = Some(file);
        Ok(())
    }

    /// Appends one row per refused record. The rows are on disk on return. The first call removes
    /// the file of an earlier import.
    ///
    /// # Errors
    /// Returns [`ImportError::Read`] if the source cannot be read, else an error of this file.
    pub(super) fn append(
        &mut self,
        source: &File,
        encoding: LineEncoding,
        refused: &[RefusedRecord],
    ) -> Result<(), ImportError> {
        if std::mem::take(&mut self.is_of_earlier) {
            match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(ImportError::file("remove", &self.path)(error));
                }
                _ => {}
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        let rows = rows_of(source, encoding, refused, self.names).map_err(ImportError::Read)?;
        self.write(&rows)
            .map_err(ImportError::file("write", &self.path))
    }

    fn write(&mut self, rows: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(private_file::create(&self.path)?),
        };
        file.write_all(rows)?;
        file.sync_data()?;
        self.bytes += rows.len() as u64;
        Ok(())
    }

    /// Returns the length of the file, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Returns the JSON of refused records, with their texts.
fn rows_of(
    source: &File,
    encoding: LineEncoding,
    refused: &[RefusedRecord],
    names: OptionNames,
) -> io::Result<Vec<u8>> {
    let mut rows = Vec::new();
    for RefusedRecord { rows: of, reason } in refused {
        let pointer = reason.pointer.as_deref();
        let input = of.place.text(source, encoding)?;
        let reason_text = names.in_message(&reason.text);
        let row = Row {
            line: of.place.line,
            rows: of.count,
            last_line: (of.count > 1).then_some(of.last_line),
            reason: &reason_text,
            pointer,
            input,
        };
        serde_json::to_writer(&mut rows, &row)?;
        rows.push(b'\n');
    }
    Ok(rows)
}

fn is_one(rows: &u32) -> bool {
    *rows == 1
}

fn is_ours(path: &Path) -> io::Result<bool> {
    const START: &[u8] = br#"{"line":"#;
    let mut start = Vec::new();
    File::open(path)?
        .take(START.len() as u64)
        .read_to_end(&mut start)?;
    Ok(start.is_empty() || start == START)
}

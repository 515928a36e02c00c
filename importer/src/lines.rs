//! Reader of a file's lines, with their numbers and offsets, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Maximum length of a record, in bytes. Longer records are refused.
pub(super) const MAX_RECORD: usize = 4 << 20;

const BUFFER: usize = 256 << 10;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Position in a file: the number of lines before it, and its offset in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FilePosition {
    /// Number of lines before it.
    pub line: u64,
    /// Offset in bytes.
    pub offset: u64,
}

/// Place of a record: the number of its first line, starting at 1, and its range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Result of [`Lines::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineRead {
    Whole,
    /// The line was skipped, because with it the buffer would exceed [`MAX_RECORD`].
    TooLong,
    End,
}

/// File that is read line by line.
pub(super) struct Lines {
    reader: BufReader<File>,
    at: FilePosition,
}

impl Lines {
    /// Opens the file, and skips its byte order mark if it has one.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(BUFFER, File::open(path)?);
        let offset = if reader.fill_buf()?.starts_with(BOM) {
            BOM.len()
        } else {
            0
        };
        reader.consume(offset);
        Ok(Self {
            reader,
            at: FilePosition {
                line: 0,
                offset: offset as u64,
            },
        })
    }

    pub(super) fn at(&self) -> FilePosition {
        self.at
    }

    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        self.reader
            .seek_relative(to.offset as i64 - self.at.offset as i64)?;
        self.at = to;
        Ok(())
    }

    /// Appends the next line, with its line end, to the buffer.
    pub(super) fn read(&mut self, into: &mut Vec<u8>) -> io::Result<LineRead> {
        let room = MAX_RECORD.saturating_sub(into.len());
        let read = (&mut self.reader)
            .take(room as u64)
            .read_until(b'\n', into)?;
        if read == 0 && room > 0 {
            return Ok(LineRead::End);
        }
        self.at.offset += read as u64;
        self.at.line += 1;
        if read < room || (read > 0 && into.ends_with(b"\n")) {
            return Ok(LineRead::Whole);
        }
        self.at.offset += self.reader.skip_until(b'\n')? as u64;
        Ok(LineRead::TooLong)
    }

    /// Returns the place of the record that began at `start` and ends here.
    pub(super) fn place_since(&self, start: FilePosition) -> Place {
        Place {
            line: start.line + 1,
            offset: start.offset,
            length: self.at.offset - start.offset,
        }
    }
}

impl Place {
    /// Reads the record from the file, without its line end, shortened to 64 KiB.
    pub(super) fn text(self, file: &File) -> io::Result<String> {
        const LONGEST: u64 = 64 << 10;
        let mut bytes = vec![0; self.length.min(LONGEST) as usize];
        file.read_exact_at(&mut bytes, self.offset)?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches(['\r', '\n']);
        Ok(if self.length > LONGEST {
            format!("{text}…")
        } else {
            text.to_owned()
        })
    }
}

//! Lines of a file with their numbers and places, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The longest record that is read, in bytes; longer ones are refused.
pub(super) const MAX_RECORD: usize = 4 << 20;

const BUFFER: usize = 256 << 10;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// How far a file has been read: so many lines, and the offset of the byte after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Cursor {
    pub(super) line: u64,
    pub(super) offset: u64,
}

/// Where a record is: the number of its first line (from 1) and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// What [`Lines::read`] met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineRead {
    Whole,
    /// The line was skipped: with it the buffer would pass [`MAX_RECORD`].
    TooLong,
    End,
}

/// A file read line by line.
pub(super) struct Lines {
    reader: BufReader<File>,
    at: Cursor,
}

impl Lines {
    /// Opens the file behind its byte order mark, if it has one.
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
            at: Cursor {
                line: 0,
                offset: offset as u64,
            },
        })
    }

    pub(super) fn at(&self) -> Cursor {
        self.at
    }

    pub(super) fn seek(&mut self, to: Cursor) -> io::Result<()> {
        self.reader
            .seek_relative(to.offset as i64 - self.at.offset as i64)?;
        self.at = to;
        Ok(())
    }

    /// Appends the next line with its line end.
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

    /// The place from `start` to here.
    pub(super) fn place_since(&self, start: Cursor) -> Place {
        Place {
            line: start.line + 1,
            offset: start.offset,
            length: self.at.offset - start.offset,
        }
    }
}

impl Place {
    /// The record as the file has it, without its line end, shortened if it is very long.
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

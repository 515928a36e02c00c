//! Reader of a file's lines as UTF-8, with their numbers and offsets, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::encoding::{EncodingChoice, LineEncoding, TextEncoding};

/// Maximum length of a record, in bytes. Longer records are refused.
pub(super) const MAX_RECORD: usize = 4 << 20;

const BUFFER: usize = 256 << 10;
const LF: u16 = b'\n' as u16;
const CR: u16 = b'\r' as u16;

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
    encoding: LineEncoding,
    /// True if lines end in CR alone, as on old Macs. A CR with LF, or LF alone, then ends a line
    /// too.
    ends_in_cr: bool,
    /// Bytes of a line that is not UTF-8.
    raw: Vec<u8>,
    /// Reason to refuse the lines read since [`Lines::start`]: the first one that does not fit the
    /// encoding.
    misfit: Option<String>,
}

impl Lines {
    /// Opens the file, and skips its byte-order mark if it has one.
    ///
    /// # Errors
    /// Returns an error of the kind `InvalidData`, with a sentence for a person, if the file is not
    /// text or is UTF-16 without a mark.
    pub(super) fn open(path: &Path, choice: EncodingChoice) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(BUFFER, File::open(path)?);
        let head = reader.fill_buf()?;
        let (encoding, mark) = LineEncoding::of_file(head, choice)
            .map_err(|sentence| io::Error::new(io::ErrorKind::InvalidData, sentence))?;
        let ends_in_cr = ends_in_cr(&head[mark..], encoding.text());
        reader.consume(mark);
        Ok(Self {
            reader,
            at: FilePosition {
                line: 0,
                offset: mark as u64,
            },
            encoding,
            ends_in_cr,
            raw: Vec::new(),
            misfit: None,
        })
    }

    pub(super) fn at(&self) -> FilePosition {
        self.at
    }

    pub(super) fn encoding(&self) -> LineEncoding {
        self.encoding
    }

    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        self.reader
            .seek_relative(to.offset as i64 - self.at.offset as i64)?;
        self.at = to;
        Ok(())
    }

    /// Starts a record: returns its position, and forgets lines that do not fit the encoding.
    pub(super) fn start(&mut self) -> FilePosition {
        self.misfit = None;
        self.at
    }

    /// Returns the reason to refuse the record, if its bytes do not fit the encoding.
    pub(super) fn take_misfit(&mut self) -> Option<String> {
        self.misfit.take()
    }

    /// Appends the next line, with its line end, to the buffer. The buffer stays UTF-8, even if
    /// the line does not fit the encoding ([`Lines::take_misfit`]).
    pub(super) fn read(&mut self, into: &mut Vec<u8>) -> io::Result<LineRead> {
        let room = MAX_RECORD.saturating_sub(into.len());
        let start = into.len();
        let mut raw = std::mem::take(&mut self.raw);
        raw.clear();
        let is_utf8 = self.encoding.text().is_utf8();
        let line = if is_utf8 { &mut *into } else { &mut raw };
        let (length, fits) = if is_utf8 && !self.ends_in_cr {
            self.read_to_lf(line, room)?
        } else {
            self.read_units(line, room)?
        };
        if length == 0 {
            return Ok(LineRead::End);
        }
        self.at.offset += length;
        self.at.line += 1;
        if !fits {
            return Ok(LineRead::TooLong);
        }
        if is_utf8 {
            self.check_utf8(into, start);
        } else {
            self.decode(&raw, into);
            self.raw = raw;
        }
        Ok(LineRead::Whole)
    }

    /// Returns the place of the record that began at `start` and ends here.
    pub(super) fn place_since(&self, start: FilePosition) -> Place {
        Place {
            line: start.line + 1,
            offset: start.offset,
            length: self.at.offset - start.offset,
        }
    }

    /// Reads a line, and appends at most `room` bytes of it. Returns its length and whether all of
    /// it was appended.
    fn read_to_lf(&mut self, into: &mut Vec<u8>, room: usize) -> io::Result<(u64, bool)> {
        let read = (&mut self.reader)
            .take(room as u64)
            .read_until(b'\n', into)?;
        if read < room || (read > 0 && into.ends_with(b"\n")) {
            return Ok((read as u64, true));
        }
        let skipped = self.reader.skip_until(b'\n')?;
        Ok(((read + skipped) as u64, skipped == 0))
    }

    /// As [`Lines::read_to_lf`], for every encoding and line end.
    fn read_units(&mut self, into: &mut Vec<u8>, room: usize) -> io::Result<(u64, bool)> {
        let (mut length, mut fits) = (0, true);
        let mut buffer = [0; 2];
        loop {
            let unit = self.read_unit(&mut buffer)?;
            length += unit.len() as u64;
            let code = self.encoding.text().code(unit);
            fits &= length as usize <= room;
            if fits {
                into.extend_from_slice(unit);
            }
            if unit.is_empty() || code == LF {
                return Ok((length, fits));
            }
            if code == CR && self.ends_in_cr {
                break;
            }
        }
        let next = self.read_unit(&mut buffer)?;
        if self.encoding.text().code(next) == LF {
            length += next.len() as u64;
            into.extend_from_slice(next);
        } else {
            let back = next.len() as i64;
            self.reader.seek_relative(-back)?;
        }
        Ok((length, fits))
    }

    /// Reads one unit of the encoding; fewer bytes at the end of the file.
    fn read_unit<'a>(&mut self, buffer: &'a mut [u8; 2]) -> io::Result<&'a [u8]> {
        let wanted = self.encoding.text().unit();
        let mut read = 0;
        while read < wanted {
            match self.reader.read(&mut buffer[read..wanted])? {
                0 => break,
                more => read += more,
            }
        }
        Ok(&buffer[..read])
    }

    fn check_utf8(&mut self, into: &mut Vec<u8>, start: usize) {
        if str::from_utf8(&into[start..]).is_err() {
            let line = into.split_off(start);
            self.decode(&line, into);
        }
    }

    fn decode(&mut self, raw: &[u8], into: &mut Vec<u8>) {
        match self.encoding.decode(raw) {
            Some(line) => into.extend_from_slice(line.as_bytes()),
            None => self.refuse(raw, into),
        }
    }

    fn refuse(&mut self, line: &[u8], into: &mut Vec<u8>) {
        let encoding = self.encoding;
        self.misfit
            .get_or_insert_with(|| encoding.text().misfit(line));
        into.extend_from_slice(encoding.decode_lossy(line).as_bytes());
    }
}

impl Place {
    /// Reads the record from the file, without its line end, shortened to 64 KiB.
    pub(super) fn text(self, file: &File, encoding: LineEncoding) -> io::Result<String> {
        const LONGEST: u64 = 64 << 10;
        let mut bytes = vec![0; self.length.min(LONGEST) as usize];
        file.read_exact_at(&mut bytes, self.offset)?;
        let text = encoding.decode_lossy(&bytes);
        let text = text.trim_end_matches(['\r', '\n']);
        Ok(if self.length > LONGEST {
            format!("{text}…")
        } else {
            text.to_owned()
        })
    }
}

/// Returns true if the first line end outside quotes is a CR without an LF.
fn ends_in_cr(head: &[u8], encoding: TextEncoding) -> bool {
    let mut units = head
        .chunks_exact(encoding.unit())
        .map(|unit| encoding.code(unit))
        .peekable();
    let mut is_quoted = false;
    while let Some(code) = units.next() {
        if code == u16::from(b'"') {
            is_quoted = !is_quoted;
        } else if code == LF && !is_quoted {
            return false;
        } else if code == CR && !is_quoted {
            return units.peek() != Some(&LF);
        }
    }
    false
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;

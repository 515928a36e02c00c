//! Tables: CSV with any separator, or columns separated by runs of whitespace.

use std::io;
use std::path::Path;

use anyhow::Context;

use super::cells::Cells;
use super::lines::{FilePosition, LineRead, Lines, Place};
use super::options::Delimiter;
use super::record::Reason;

/// File of rows that all have the same columns.
pub(super) struct Table {
    lines: Lines,
    splitter: Splitter,
    columns: Vec<String>,
    raw: Vec<u8>,
    cells: Cells,
}

enum Splitter {
    Whitespace,
    Csv(Box<csv_core::Reader>),
}

impl Table {
    /// Opens the file and reads its first row, which has the names of the columns or, without a
    /// header, determines their number.
    pub(super) fn open(
        path: &Path,
        delimiter: Option<Delimiter>,
        header: bool,
    ) -> anyhow::Result<Self> {
        let mut table = Self {
            lines: Lines::open(path)?,
            splitter: Splitter::new(delimiter.unwrap_or(Delimiter::Byte(b','))),
            columns: Vec::new(),
            raw: Vec::new(),
            cells: Cells::default(),
        };
        let start = table.at();
        let (_, first) = table.next_of_width(None)?.context("the file is empty")?;
        let first = first.map_err(|reason| anyhow::anyhow!("the first line: {}", reason.text))?;
        let columns = match header {
            true => first.names().context("the header line is not UTF-8")?,
            false => (1..=first.count())
                .map(|number| number.to_string())
                .collect(),
        };
        table.columns = columns;
        if !header {
            table.seek(start)?;
        }
        Ok(table)
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn at(&self) -> FilePosition {
        self.lines.at()
    }

    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        self.lines.seek(to)
    }

    /// Reads the next row that is not blank. The row is an error if it does not have the table's
    /// columns.
    pub(super) fn next(&mut self) -> io::Result<Option<(Place, Result<&Cells, Reason>)>> {
        self.next_of_width(Some(self.columns.len()))
    }

    fn next_of_width(
        &mut self,
        width: Option<usize>,
    ) -> io::Result<Option<(Place, Result<&Cells, Reason>)>> {
        let (start, first_line_end) = loop {
            self.raw.clear();
            let start = self.lines.at();
            match self.lines.read(&mut self.raw)? {
                LineRead::End => return Ok(None),
                LineRead::TooLong => {
                    let reason = Reason::new("the line is longer than 4 MiB");
                    return Ok(Some((self.lines.place_since(start), Err(reason))));
                }
                LineRead::Whole if !self.is_blank() => break (start, self.lines.at()),
                LineRead::Whole => {}
            }
        };
        let row = self
            .split()?
            .and_then(|()| match (width, self.cells.count()) {
                (Some(width), count) if width != count => Err(format!(
                    "the line has {count} columns, the table has {width}"
                )),
                _ => Ok(()),
            });
        if row.is_err() && self.lines.at() != first_line_end {
            // An unclosed quote makes the parser read following rows as part of the cell. Reading
            // continues after the first line, so that only that line is refused.
            self.lines.seek(first_line_end)?;
        }
        let place = self.lines.place_since(start);
        Ok(Some((
            place,
            row.map(|()| &self.cells).map_err(Reason::new),
        )))
    }

    fn is_blank(&self) -> bool {
        match self.splitter {
            Splitter::Whitespace => self.raw.trim_ascii().is_empty(),
            Splitter::Csv(_) => self.raw.iter().all(|byte| matches!(byte, b'\r' | b'\n')),
        }
    }

    /// Splits the row that begins with the line in `raw`. Reads more lines while a quote is open.
    fn split(&mut self) -> io::Result<Result<(), String>> {
        self.cells.clear();
        let core = match &mut self.splitter {
            Splitter::Whitespace => {
                let words = self.raw.split(u8::is_ascii_whitespace);
                words
                    .filter(|word| !word.is_empty())
                    .for_each(|word| self.cells.push(word));
                return Ok(Ok(()));
            }
            Splitter::Csv(core) => core,
        };
        core.reset();
        let mut fed = 0;
        loop {
            if let Some(used) = self.cells.feed(core, &self.raw[fed..]) {
                let rest = &self.raw[fed + used..];
                let is_complete = matches!(rest, b"" | b"\n");
                return Ok(is_complete.then_some(()).ok_or_else(|| LONE_RETURN.into()));
            }
            fed = self.raw.len();
            match self.lines.read(&mut self.raw)? {
                LineRead::Whole => {}
                LineRead::TooLong => return Ok(Err(OPEN_QUOTE.into())),
                LineRead::End => {
                    let is_closed = self.cells.feed(core, b"\n").is_some();
                    return Ok(is_closed.then_some(()).ok_or_else(|| OPEN_QUOTE.into()));
                }
            }
        }
    }
}

const LONE_RETURN: &str = "the line has a carriage return inside";
const OPEN_QUOTE: &str = "a quoted cell is not closed";

impl Splitter {
    fn new(delimiter: Delimiter) -> Self {
        match delimiter {
            Delimiter::Whitespace => Self::Whitespace,
            Delimiter::Byte(byte) => Self::Csv(Box::new(
                csv_core::ReaderBuilder::new().delimiter(byte).build(),
            )),
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;

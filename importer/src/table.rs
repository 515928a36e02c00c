//! Tables: CSV with any separator, or columns separated by runs of whitespace.

use std::io;
use std::path::Path;

use super::cells::Cells;
use super::encoding::{EncodingChoice, LineEncoding};
use super::error::LayoutError;
use super::lines::{FilePosition, LineRead, Lines, Place};
use super::options::Delimiter;
use super::record::Reason;

/// File of rows that all have the same columns.
pub(super) struct Table {
    lines: Lines,
    splitter: Splitter,
    delimiter: Delimiter,
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
    /// header, determines their number. Skips a line such as `sep=;` before it, which sets the
    /// delimiter unless one is stated.
    pub(super) fn open(
        path: &Path,
        encoding: EncodingChoice,
        delimiter: Option<Delimiter>,
        header: bool,
    ) -> Result<Self, LayoutError> {
        let mut lines = Lines::open(path, encoding)?;
        let noted = skip_separator_line(&mut lines)?;
        let delimiter = delimiter.or(noted).unwrap_or(Delimiter::Byte(b','));
        let mut table = Self {
            lines,
            splitter: Splitter::new(delimiter),
            delimiter,
            columns: Vec::new(),
            raw: Vec::new(),
            cells: Cells::default(),
        };
        let start = table.at();
        let wrong = |text: &str| LayoutError::Wrong(text.to_owned());
        let (_, first) = table
            .next_of_width(None)?
            .ok_or_else(|| wrong("the file is empty"))?;
        let first = first.map_err(|reason| wrong(&format!("the first line: {}", reason.text)))?;
        let columns = match header {
            true => first.names(),
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

    /// Reads cells with one of these texts as empty ones.
    pub(super) fn treat_as_empty(&mut self, texts: Vec<String>) {
        self.cells.treat_as_empty(texts);
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn delimiter(&self) -> Delimiter {
        self.delimiter
    }

    pub(super) fn encoding(&self) -> LineEncoding {
        self.lines.encoding()
    }

    pub(super) fn at(&self) -> FilePosition {
        self.lines.at()
    }

    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        self.lines.seek(to)
    }

    /// Reads the next row that has more than empty cells. The row is an error if it does not have
    /// the table's columns, or does not fit the encoding.
    pub(super) fn next(&mut self) -> io::Result<Option<(Place, Result<&Cells, Reason>)>> {
        self.next_of_width(Some(self.columns.len()))
    }

    fn next_of_width(
        &mut self,
        width: Option<usize>,
    ) -> io::Result<Option<(Place, Result<&Cells, Reason>)>> {
        let Some((place, row)) = self.read_row(width)? else {
            return Ok(None);
        };
        Ok(Some((
            place,
            row.map(|()| &self.cells).map_err(Reason::new),
        )))
    }

    fn read_row(
        &mut self,
        width: Option<usize>,
    ) -> io::Result<Option<(Place, Result<(), String>)>> {
        loop {
            self.raw.clear();
            let start = self.lines.start();
            match self.lines.read(&mut self.raw)? {
                LineRead::End => return Ok(None),
                LineRead::TooLong => {
                    let reason = Err("the line is longer than 4 MiB".into());
                    return Ok(Some((self.lines.place_since(start), reason)));
                }
                LineRead::Whole if self.raw.trim_ascii().is_empty() => continue,
                LineRead::Whole => {}
            }
            let first_line_end = self.lines.at();
            let misfit = self.lines.take_misfit();
            let row = self.split()?;
            if row.is_ok() && self.cells.are_blank() {
                continue;
            }
            if row.is_err() && self.lines.at() != first_line_end {
                // An unclosed quote makes the parser read following rows as part of the cell.
                // Reading continues after the first line, so that only that line is refused.
                self.lines.seek(first_line_end)?;
            }
            let misfit = misfit.or_else(|| self.lines.take_misfit().filter(|_| row.is_ok()));
            let row = match misfit {
                Some(reason) => Err(reason),
                None => row.and_then(|()| require_width(self.cells.count(), width)),
            };
            return Ok(Some((self.lines.place_since(start), row)));
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
                if fed > 0 && is_closed_by_another_row(&self.raw, self.delimiter) {
                    return Ok(Err(OPEN_QUOTE.into()));
                }
                let rest = &self.raw[fed + used..];
                let is_complete = matches!(rest, b"" | b"\n");
                return Ok(is_complete.then_some(()).ok_or_else(|| LONE_RETURN.into()));
            }
            fed = self.raw.len();
            match self.lines.read(&mut self.raw)? {
                LineRead::Whole => {}
                LineRead::TooLong => return Ok(Err(OPEN_QUOTE.into())),
                LineRead::End => {
                    let is_closed = self.cells.feed(core, b"\n").is_some()
                        && !is_closed_by_another_row(&self.raw, self.delimiter);
                    return Ok(is_closed.then_some(()).ok_or_else(|| OPEN_QUOTE.into()));
                }
            }
        }
    }
}

const LONE_RETURN: &str = "the line has an old line end (CR) within it, unlike the lines before \
                           it; save the file with one kind of line end";
const OPEN_QUOTE: &str = "a quoted cell is not closed";

/// Returns true if something else than a delimiter or a line end follows a quoted cell that has line
/// ends. The cell was then not closed where it was meant to, and the first quote of a later row ends
/// it. The parser reads on there as if nothing were wrong.
fn is_closed_by_another_row(row: &[u8], delimiter: Delimiter) -> bool {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let ends_cell = |byte: &u8| is_line_end(byte) || delimiter == Delimiter::Byte(*byte);
    let mut at = 0;
    while at < row.len() {
        if row[at] == b'"' {
            let start = at + 1;
            at = closing_quote(row, start);
            let spans_lines = row[start..at].iter().any(is_line_end);
            let next = row.get(at + 1);
            if spans_lines && next.is_some_and(|next| !ends_cell(next)) {
                return true;
            }
        }
        let end = row[at..].iter().position(ends_cell);
        at = end.map_or(row.len(), |end| at + end + 1);
    }
    false
}

/// Returns the index of the quote that closes a cell whose text begins at `start`, or the length of
/// the row if there is none. Two quotes in a row are a quote in the text.
fn closing_quote(row: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(quote) = row[at..].iter().position(|byte| *byte == b'"') {
        at += quote;
        if row.get(at + 1) != Some(&b'"') {
            return at;
        }
        at += 2;
    }
    row.len()
}

fn require_width(count: usize, width: Option<usize>) -> Result<(), String> {
    match width {
        Some(width) if width != count => Err(format!(
            "the line has {count} columns, the table has {width}"
        )),
        _ => Ok(()),
    }
}

/// Skips a first line such as `sep=;`, by which spreadsheets note the delimiter. Returns it.
fn skip_separator_line(lines: &mut Lines) -> io::Result<Option<Delimiter>> {
    let start = lines.start();
    let mut line = Vec::new();
    if lines.read(&mut line)? == LineRead::Whole
        && let Some(delimiter) = separator_of(&line)
    {
        return Ok(Some(delimiter));
    }
    lines.seek(start)?;
    Ok(None)
}

fn separator_of(line: &[u8]) -> Option<Delimiter> {
    let line = str::from_utf8(line).ok()?.trim_end_matches(['\r', '\n']);
    // Some programs quote it like a cell.
    let line = line
        .strip_prefix('"')
        .and_then(|line| line.strip_suffix('"'))
        .unwrap_or(line);
    let (name, separator) = line.split_once('=')?;
    // Other programs add empty cells.
    let mut characters = separator.chars();
    let first = characters.next()?;
    let is_alone = name.trim().eq_ignore_ascii_case("sep")
        && characters.all(|one| one == first || one == ',' || one == ';');
    is_alone.then(|| first.to_string().parse().ok())?
}

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

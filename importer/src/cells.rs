//! Cells of one row of a table, in buffers that are reused for every row.

use csv_core::ReadRecordResult;

/// Unquoted cells of one row.
#[derive(Default)]
pub(super) struct Cells {
    text: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    count: usize,
    /// Texts that stand for an empty cell.
    empty: Vec<String>,
}

impl Cells {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Reads cells with one of these texts as empty ones.
    pub(super) fn treat_as_empty(&mut self, texts: Vec<String>) {
        self.empty = texts;
    }

    /// Returns the text of the cell at an index below [`Cells::count`].
    pub(super) fn get(&self, index: usize) -> &str {
        let text = self.written_text(index);
        let is_one = |empty: &String| text.trim().eq_ignore_ascii_case(empty);
        let is_empty = self.empty.iter().any(is_one);
        if is_empty { "" } else { text }
    }

    fn written_text(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        let text = str::from_utf8(&self.text[start..self.ends[index]]);
        // Lines are UTF-8, and ASCII characters separate them into cells.
        debug_assert!(text.is_ok(), "a line was split within a character");
        text.unwrap_or_default()
    }

    /// Returns true if no cell has anything but blanks.
    pub(super) fn are_blank(&self) -> bool {
        let is_blank = |byte: &u8| byte.is_ascii_whitespace();
        self.text[..self.written].iter().all(is_blank)
            || (0..self.count).all(|index| self.get(index).trim().is_empty())
    }

    /// Returns the cells without blanks around them, such as the names of columns.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |index| self.get(index).trim().to_owned();
        (0..self.count).map(name).collect()
    }

    pub(super) fn clear(&mut self) {
        self.written = 0;
        self.count = 0;
    }

    pub(super) fn push(&mut self, cell: &[u8]) {
        self.reserve(cell.len());
        let end = self.written + cell.len();
        self.text[self.written..end].copy_from_slice(cell);
        self.written = end;
        self.ends[self.count] = end;
        self.count += 1;
    }

    /// Feeds the row's next line to the CSV parser. Returns the number of bytes used if the row is
    /// complete, `None` if it continues on the next line.
    pub(super) fn feed(&mut self, core: &mut csv_core::Reader, line: &[u8]) -> Option<usize> {
        let mut used = 0;
        while used < line.len() {
            self.reserve(line.len() - used);
            let text = &mut self.text[self.written..];
            let ends = &mut self.ends[self.count..];
            let (result, read, written, ended) = core.read_record(&line[used..], text, ends);
            used += read;
            self.written += written;
            self.count += ended;
            if result == ReadRecordResult::Record {
                return Some(used);
            }
        }
        None
    }

    /// Reserves space for `bytes` of text and one cell.
    fn reserve(&mut self, bytes: usize) {
        if self.text.len() <= self.written + bytes {
            self.text.resize(self.written + bytes + 1, 0);
        }
        if self.ends.len() == self.count {
            self.ends.resize(2 * self.count + 16, 0);
        }
    }
}

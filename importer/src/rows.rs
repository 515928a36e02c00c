//! Records of a table: its rows, or the orders that several rows make.

use std::io;

use super::encoding::TextEncoding;
use super::lines::FilePosition;
use super::mapping::Mapping;
use super::orders::{Gathering, OrderDraft};
use super::record::{Reason, Record, RecordContent, RowNotes, Rows};
use super::table::Table;
use super::texts::Texts;

/// Table with its mapping.
pub(super) struct TableRecords {
    table: Table,
    mapping: Mapping,
    /// How rows become orders; `None` if each row is a record.
    gathering: Option<Gathering>,
    /// Row that was read and does not belong to the order before it.
    held: Option<Row>,
}

struct Row {
    /// Position before the row.
    start: FilePosition,
    rows: Rows,
    texts: Result<Texts, Reason>,
}

impl TableRecords {
    pub(super) fn new(table: Table, mapping: Mapping, gathering: Option<Gathering>) -> Self {
        Self {
            table,
            mapping,
            gathering,
            held: None,
        }
    }

    /// Returns the position at which the next record begins. It is never within an order.
    pub(super) fn at(&self) -> FilePosition {
        match &self.held {
            Some(row) => row.start,
            None => self.table.at(),
        }
    }

    pub(super) fn encoding(&self) -> TextEncoding {
        self.table.encoding()
    }

    pub(super) fn take_notes(&self) -> RowNotes {
        self.mapping.take_notes()
    }

    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        self.held = None;
        self.table.seek(to)
    }

    /// Reads the next record, and appends its object to `out` if it is valid.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<Option<Record>> {
        let first = match self.held.take() {
            Some(row) => Some(row),
            None => self.row()?,
        };
        let Some(Row { rows, texts, .. }) = first else {
            return Ok(None);
        };
        let texts = match texts {
            Ok(texts) => texts,
            Err(reason) => {
                let content = RecordContent::Refused(reason);
                return Ok(Some(Record { rows, content }));
            }
        };
        let mut draft = OrderDraft::new(&self.mapping, rows, texts);
        self.gather(&mut draft)?;
        let rows = draft.rows;
        let content = draft.finish(&self.mapping, out);
        Ok(Some(Record { rows, content }))
    }

    /// Adds the following rows that belong to the order.
    fn gather(&mut self, draft: &mut OrderDraft) -> io::Result<()> {
        let Some(gathering) = self.gathering.take() else {
            return Ok(());
        };
        let ended = loop {
            match self.row() {
                Ok(Some(row)) => match &row.texts {
                    Ok(texts) if gathering.continues(&self.mapping, draft, texts) => {
                        gathering.add(&self.mapping, draft, row.rows, texts);
                    }
                    _ => {
                        self.held = Some(row);
                        break Ok(());
                    }
                },
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.gathering = Some(gathering);
        ended
    }

    fn row(&mut self) -> io::Result<Option<Row>> {
        let start = self.table.at();
        let Some((place, cells)) = self.table.next()? else {
            return Ok(None);
        };
        let texts = cells.map(|cells| {
            let mut texts = Texts::default();
            self.mapping.read(cells, place.line, &mut texts);
            texts
        });
        let rows = Rows::one(place);
        Ok(Some(Row { start, rows, texts }))
    }
}

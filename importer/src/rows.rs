//! Records of a table: its rows, or the orders that several rows make.

use std::io;

use super::encoding::LineEncoding;
use super::fit::{self, Fit};
use super::ids::hash_of_id;
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
    /// The row before the next one, if it could not be read.
    unread: Option<UnreadRow>,
}

/// Row that cannot be read.
struct UnreadRow {
    line: u64,
    reason: String,
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
            unread: None,
        }
    }

    /// Returns the position at which the next record begins. It is never within an order.
    pub(super) fn at(&self) -> FilePosition {
        match &self.held {
            Some(row) => row.start,
            None => self.table.at(),
        }
    }

    /// Returns true if rows have line items.
    pub(super) fn has_line_items(&self) -> bool {
        self.mapping.items().is_some()
    }

    /// Returns how well the table fits its mapping. Reads the first rows.
    pub(super) fn fit(&mut self) -> io::Result<Fit> {
        fit::fit(&mut self.table, &self.mapping)
    }

    pub(super) fn encoding(&self) -> LineEncoding {
        self.table.encoding()
    }

    pub(super) fn take_notes(&self) -> RowNotes {
        self.mapping.take_notes()
    }

    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        self.held = None;
        self.unread = None;
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
                self.unread = Some(UnreadRow::new(rows, &reason));
                return Ok(Some(Record {
                    rows,
                    content: RecordContent::Refused(reason),
                    order: None,
                }));
            }
        };
        let has_items = self.has_line_items();
        let mut draft = OrderDraft::new(&self.mapping, rows, texts);
        if let Some(unread) = self.unread.take()
            && has_items
        {
            draft.refuse(unread.reason_of_order());
        }
        self.gather(&mut draft)?;
        let rows = draft.rows;
        let id = draft.texts.get(self.mapping.id()).trim();
        let order = (has_items && !id.is_empty()).then(|| hash_of_id(id));
        let content = draft.finish(&self.mapping, out);
        Ok(Some(Record {
            rows,
            content,
            order,
        }))
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
                    texts => {
                        // A row that cannot be read may have an item of this order or of the next
                        // one. Without it, the sum of the items could be wrong.
                        if let Err(reason) = texts
                            && self.mapping.items().is_some()
                        {
                            draft.refuse(UnreadRow::new(row.rows, reason).reason_of_order());
                        }
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

impl UnreadRow {
    fn new(rows: Rows, reason: &Reason) -> Self {
        Self {
            line: rows.place.line,
            reason: reason.text.clone(),
        }
    }

    /// Returns the reason why the orders before and after the row are refused.
    fn reason_of_order(&self) -> Reason {
        let Self { line, reason } = self;
        Reason::new(format!(
            "line {line}, which may be a row of this order, cannot be read: {reason}"
        ))
    }
}

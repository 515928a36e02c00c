//! Orders whose rows follow each other in a table.
//!
//! Rows with one order id are one order. Its fields may stand on its first row only or on each row;
//! a row adds what the order lacks, and its line item. Shops also leave out the id on all rows but
//! the first.

use super::items::Items;
use super::mapping::Mapping;
use super::quoted::quoted;
use super::record::{Reason, RecordContent, Rows};
use super::texts::Texts;

/// How rows become orders.
pub(super) struct Gathering {
    /// Fields whose first value counts.
    pub(super) first_row: Vec<String>,
    /// If values differ, the last one counts.
    pub(super) last_wins: bool,
}

/// Order whose rows are being read.
pub(super) struct OrderDraft {
    pub(super) rows: Rows,
    pub(super) texts: Texts,
    items: Items,
    /// Reason why the order cannot be sent.
    problem: Option<Reason>,
}

impl OrderDraft {
    /// Begins an order with its first row.
    pub(super) fn new(mapping: &Mapping, rows: Rows, texts: Texts) -> Self {
        let mut items = Items::none();
        let problem = mapping.add_item(&texts, &texts, &mut items).err();
        Self {
            rows,
            texts,
            items,
            problem,
        }
    }

    /// Refuses the order, unless there is a reason already.
    pub(super) fn refuse(&mut self, reason: Reason) {
        self.problem.get_or_insert(reason);
    }

    /// Returns the content of the complete order, and appends its object to `out` if it is valid.
    pub(super) fn finish(self, mapping: &Mapping, out: &mut Vec<u8>) -> RecordContent {
        if mapping.is_skipped(&self.texts) {
            return RecordContent::Skipped;
        }
        // A problem of the order's own fields explains more than one of its items.
        let start = out.len();
        let written = mapping.write(&self.texts, &self.items, out);
        match (written, self.problem) {
            (Err(reason), _) => RecordContent::Refused(reason),
            (Ok(_), Some(reason)) => {
                out.truncate(start);
                RecordContent::Refused(reason)
            }
            (Ok(content), None) => content,
        }
    }
}

impl Gathering {
    /// Returns true if the row belongs to the order.
    pub(super) fn continues(&self, mapping: &Mapping, order: &OrderDraft, row: &Texts) -> bool {
        let id = mapping.id();
        let texts = &order.texts;
        let has_items = mapping.items().is_some();
        if texts.is_empty(id) || mapping.differ(texts, row, id) {
            return false;
        }
        if !row.is_empty(id) {
            // With line items, a contradiction is one within the order. Otherwise it is one
            // between two rows, of which the first may be right.
            return has_items || self.contradiction(mapping, texts, row).is_none();
        }
        // A row without an id belongs to the order if it lacks more than the id, shows that it
        // belongs to something, and contradicts nothing.
        let fields = || mapping.shared_fields().filter(|(field, ..)| *field != id);
        let lacks = fields().any(|(field, _, is_required)| is_required && row.is_empty(field));
        let has_item = mapping.items().is_some_and(|items| !items.are_empty(row));
        let shows = has_item || fields().any(|(field, ..)| !row.is_empty(field));
        lacks && shows && self.contradiction(mapping, texts, row).is_none()
    }

    /// Adds a row that continues the order.
    pub(super) fn add(&self, mapping: &Mapping, order: &mut OrderDraft, rows: Rows, row: &Texts) {
        if let Some((field, name)) = self.contradiction(mapping, &order.texts, row)
            && !self.last_wins
        {
            let (id, line) = (
                quoted(order.texts.get(mapping.id()).trim()),
                rows.place.line,
            );
            let before = quoted(order.texts.get(field).trim());
            let now = quoted(row.get(field).trim());
            order.problem.get_or_insert_with(|| Reason {
                text: format!(
                    "the rows of order {id} contradict each other: {name} is {before} before line \
                     {line} and {now} on it; --last-wins takes the last value, --first-row {name} \
                     the first"
                ),
                pointer: Some(format!("/{name}")),
            });
        }
        order.texts.merge(row, self.last_wins);
        let added = mapping.add_item(&order.texts, row, &mut order.items);
        if let Err(Reason { text, pointer }) = added {
            order.problem.get_or_insert_with(|| Reason {
                text: format!("line {}: {text}", rows.place.line),
                pointer,
            });
        }
        order.rows.add(rows.place);
    }

    /// Returns the number and name of a field of which the row has another value than the order.
    fn contradiction(
        &self,
        mapping: &Mapping,
        order: &Texts,
        row: &Texts,
    ) -> Option<(usize, String)> {
        mapping
            .shared_fields()
            .map(|(field, target, _)| (field, target.name().into_owned()))
            .find(|(field, name)| {
                mapping.differ(order, row, *field) && !self.first_row.contains(name)
            })
    }
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;

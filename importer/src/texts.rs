//! Texts of the mapped fields of one row, in buffers that are reused.

/// Texts of fields, by the fields' numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Appends the text of the next field; empty if the row has none.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Returns the text of a field.
    pub(super) fn get(&self, field: usize) -> &str {
        let start = if field == 0 { 0 } else { self.ends[field - 1] };
        &self.text[start..self.ends[field]]
    }

    /// Returns true if the row has no text for a field.
    pub(super) fn is_empty(&self, field: usize) -> bool {
        self.get(field).trim_ascii().is_empty()
    }

    /// Returns true if both rows have a text for a field, and the texts differ.
    pub(super) fn differs(&self, other: &Self, field: usize) -> bool {
        let (one, two) = (self.get(field).trim(), other.get(field).trim());
        !one.is_empty() && !two.is_empty() && one != two
    }

    /// Takes over the texts of a later row: those that are missing here, or, with `replace`, all
    /// that the later row has.
    pub(super) fn merge(&mut self, later: &Self, replace: bool) {
        let takes = |field| !later.is_empty(field) && (replace || self.is_empty(field));
        let fields = 0..self.ends.len();
        if !fields.clone().any(takes) {
            return;
        }
        let mut merged = Self::default();
        for field in fields {
            let from = if takes(field) { later } else { &*self };
            merged.push(from.get(field));
        }
        *self = merged;
    }
}

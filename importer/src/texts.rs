//! Texts of the mapped fields of one row, in buffers that are reused.

/// Texts of fields, by the fields' numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    text: String,
    ends: Vec<usize>,
    /// Numbers of the fields whose text is that of the fallback column.
    fallbacks: Vec<usize>,
}

impl Texts {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.fallbacks.clear();
    }

    /// Appends the text of the next field; empty if the row has none.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Appends the text that the fallback column of the next field has.
    pub(super) fn push_fallback(&mut self, text: &str) {
        self.fallbacks.push(self.ends.len());
        self.push(text);
    }

    fn is_fallback(&self, field: usize) -> bool {
        self.fallbacks.contains(&field)
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

    /// Returns true if both rows have a text for a field, and the texts differ. Those of two columns,
    /// such as an e-mail address and a phone number, do not.
    pub(super) fn differs(&self, other: &Self, field: usize) -> bool {
        let (one, two) = (self.get(field).trim(), other.get(field).trim());
        let are_of_one_column = self.is_fallback(field) == other.is_fallback(field);
        !one.is_empty() && !two.is_empty() && one != two && are_of_one_column
    }

    /// Takes over the texts of a later row: those that are missing here or are here those of a
    /// fallback, or, with `replace`, all that the later row has.
    pub(super) fn merge(&mut self, later: &Self, replace: bool) {
        let is_better = |field| match (self.is_fallback(field), later.is_fallback(field)) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => replace,
        };
        let takes = |field| !later.is_empty(field) && (self.is_empty(field) || is_better(field));
        let fields = 0..self.ends.len();
        if !fields.clone().any(takes) {
            return;
        }
        let mut merged = Self::default();
        for field in fields {
            let from = if takes(field) { later } else { &*self };
            match from.is_fallback(field) {
                true => merged.push_fallback(from.get(field)),
                false => merged.push(from.get(field)),
            }
        }
        *self = merged;
    }
}

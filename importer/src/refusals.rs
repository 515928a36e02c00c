//! Summary of refused records: one example of each kind of reason.

use serde::Serialize;

use super::record::{Reason, RefusedRecord, Rows};

/// Maximum number of kinds that are told apart.
const MAX_KINDS: usize = 20;

/// Refused records by the kind of their reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    kinds: Vec<RefusalKind>,
    /// Number of records with further kinds of reasons.
    others: u64,
}

/// Refused records with one kind of reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusalKind {
    /// Number of these records.
    pub count: u64,
    /// Number of the line on which the first of them begins.
    pub line: u64,
    /// Number of the line on which its last row begins.
    pub last_line: u64,
    /// Reason of the first of them.
    #[serde(flatten)]
    pub reason: Reason,
    #[serde(skip)]
    key: String,
}

impl Refusals {
    /// Returns the kinds in the order of their first records.
    pub fn kinds(&self) -> &[RefusalKind] {
        &self.kinds
    }

    /// Returns the number of records whose kind of reason has no example.
    pub fn others(&self) -> u64 {
        self.others
    }

    pub(super) fn add(&mut self, RefusedRecord { rows, reason }: &RefusedRecord) {
        let key = key(&reason.text);
        if let Some(kind) = self.kinds.iter_mut().find(|kind| kind.key == key) {
            kind.count += 1;
        } else if self.kinds.len() < MAX_KINDS {
            let Rows {
                place, last_line, ..
            } = *rows;
            self.kinds.push(RefusalKind {
                count: 1,
                line: place.line,
                last_line,
                reason: reason.clone(),
                key,
            });
        } else {
            self.others += 1;
        }
    }
}

/// Returns the text without what differs from record to record: what is quoted, and digits.
fn key(text: &str) -> String {
    let outside = text.split('"').step_by(2);
    let letters = outside.flat_map(str::chars);
    letters.filter(|letter| !letter.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::lines::Place;
    use super::*;

    #[test]
    fn reasons_that_differ_in_values_are_one_kind() {
        let mut refusals = Refusals::default();
        let mut add = |line, text: &str| {
            let place = Place {
                line,
                offset: 0,
                length: 1,
            };
            refusals.add(&RefusedRecord {
                rows: Rows::one(place),
                reason: Reason::new(text),
            });
        };
        add(2, "amount \"ten\" is not a number");
        add(3, "order_id is empty: column Name");
        add(4, "amount \"2 x\" is not a number");
        let kinds: Vec<_> = refusals
            .kinds()
            .iter()
            .map(|kind| (kind.count, kind.line))
            .collect();
        assert_eq!(kinds, [(2, 2), (1, 3)]);
    }
}

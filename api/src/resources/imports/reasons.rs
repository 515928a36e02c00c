//! Reasons of the refusals of a preview.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use importer::kind_of_reason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::partial::PartialImport;

/// Number of items and of reasons that a preview shows.
pub(super) const MAX_EXAMPLES: usize = 20;

/// Maximum number of characters of a refused row that are shown.
const MAX_INPUT: usize = 80;

/// A reason why rows would be refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportRefusal)]
pub(super) struct RefusalReason {
    /// The reason.
    #[schema(example = "Invalid field: /amount: missing field `amount`")]
    reason: String,
    /// JSON pointer to the field at fault; `null` if the row as a whole is.
    #[schema(example = "/amount")]
    pointer: Option<String>,
    /// Number of rows with this reason.
    #[schema(example = 1)]
    count: u64,
    /// Line of the first such row in the file, starting at 1.
    #[schema(example = 7)]
    line: u64,
    /// The beginning of the first such row, up to 80 characters; several lines if they are
    /// one order.
    #[schema(example = "#2105,mira@example.com,,paid")]
    input: String,
    #[serde(skip)]
    key: String,
}

/// A refused row, as the importer writes it.
#[derive(Deserialize)]
struct RefusedRow {
    line: u64,
    reason: String,
    pointer: Option<String>,
    input: String,
}

/// Groups the refused rows of a preview by reason.
pub(super) fn reasons(scratch: &PartialImport) -> io::Result<Vec<RefusalReason>> {
    let path = scratch.path().join("refused.ndjson");
    match path.exists() {
        true => group(&path),
        false => Ok(Vec::new()),
    }
}

fn group(path: &Path) -> io::Result<Vec<RefusalReason>> {
    let mut reasons: Vec<RefusalReason> = Vec::new();
    for line in BufReader::new(fs::File::open(path)?).lines() {
        let row: RefusedRow = serde_json::from_str(&line?)?;
        let key = kind_of_reason(&row.reason);
        let is_full = reasons.len() >= 10 * MAX_EXAMPLES;
        let same = reasons
            .iter_mut()
            .find(|one| one.key == key && one.pointer == row.pointer);
        match same {
            Some(same) => same.count += 1,
            // Further kinds are counted, but not shown.
            None if is_full => {}
            None => reasons.push(RefusalReason {
                reason: row.reason,
                pointer: row.pointer,
                count: 1,
                line: row.line,
                input: beginning(&row.input),
                key,
            }),
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    reasons.truncate(MAX_EXAMPLES);
    Ok(reasons)
}

/// Returns the beginning of a row that is long, with an ellipsis.
fn beginning(row: &str) -> String {
    match row.chars().count() <= MAX_INPUT {
        true => row.to_owned(),
        false => row.chars().take(MAX_INPUT - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_grouped_by_reason() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let row = |line: u64, reason: &str| {
            format!("{{\"line\":{line},\"reason\":\"{reason}\",\"input\":\"row {line}\"}}\n")
        };
        let rows = [row(2, "a"), row(3, "b"), row(5, "b")].concat();
        fs::write(file.path(), rows).unwrap();
        let reasons = group(file.path()).unwrap();
        let shown: Vec<_> = reasons
            .iter()
            .map(|one| (one.reason.as_str(), one.count, one.line, one.input.as_str()))
            .collect();
        assert_eq!(shown, [("b", 2, 3, "row 3"), ("a", 1, 2, "row 2")]);
    }
}

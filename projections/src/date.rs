//! Instants as documents have them.

use bson::DateTime;
use domain::Timestamp;

/// As MongoDB has it, to the millisecond too.
pub(crate) fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}

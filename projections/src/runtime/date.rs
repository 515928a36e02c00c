//! Conversion of instants to BSON.

use bson::DateTime;
use domain::Timestamp;

/// Converts a timestamp to a BSON date. Both have millisecond precision, so
/// nothing is lost.
pub(crate) fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}

/// Converts a stored time. Always `Some` for documents that Patron wrote, whose
/// times were timestamps.
pub(crate) fn timestamp(date: DateTime) -> Option<Timestamp> {
    Timestamp::from_millis(date.timestamp_millis()).ok()
}

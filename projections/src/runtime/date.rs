//! Conversion of instants to BSON.

use bson::DateTime;
use domain::Timestamp;

/// Converts a timestamp to a BSON date. Both have millisecond precision, so
/// nothing is lost.
pub(crate) fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}

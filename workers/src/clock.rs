//! Wall clock.

use chrono::Utc;
use domain::Timestamp;

/// Returns the current time.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(Utc::now())
}

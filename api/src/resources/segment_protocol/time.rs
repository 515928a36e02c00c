//! Times of calls.
//!
//! A device's clock may be wrong. A call has the time of its moment, and its request the
//! time at which the device sent it, both by the device's clock. The difference between
//! the time of sending and the time of receipt is therefore the error of that clock, and
//! is added to the time of the call.
//!
//! Two rules differ from Segment's. An error of up to five minutes is not corrected:
//! servers have better clocks than that, and a request may wait on its way. A larger one
//! is rounded to whole minutes: a call that an SDK sends again then has the same time, and
//! changes nothing.

use domain::Timestamp;
use serde_json::Value as Json;

use super::call::Call;
use crate::http::problem::{Problem, ProblemKind};

/// Error of a clock, in milliseconds, up to which no time is corrected.
const TOLERATED: i64 = 5 * MINUTE;

const MINUTE: i64 = 60_000;

/// Returns the time of a call: `timestamp`, else `originalTimestamp`, each corrected if
/// there is `sentAt`; else the time of receipt.
///
/// # Errors
/// A problem at a time that cannot be read.
pub(super) fn of_call(
    call: &Call,
    sent_at: Option<Timestamp>,
    received_at: Timestamp,
) -> Result<Timestamp, Problem> {
    let sent_at = read(&call.sent_at, "/sentAt")?.or(sent_at);
    let given = match read(&call.timestamp, "/timestamp")? {
        Some(at) => Some(at),
        None => read(&call.original_timestamp, "/originalTimestamp")?,
    };
    Ok(match (given, sent_at) {
        (Some(at), Some(sent_at)) => corrected(at, sent_at, received_at),
        (Some(at), None) => at,
        (None, _) => received_at,
    })
}

fn corrected(at: Timestamp, sent_at: Timestamp, received_at: Timestamp) -> Timestamp {
    let error = received_at.millis() - sent_at.millis();
    if error.abs() <= TOLERATED {
        return at;
    }
    let minutes = (error + MINUTE / 2).div_euclid(MINUTE);
    // A time beyond the possible years stays as it is.
    Timestamp::from_millis(at.millis() + minutes * MINUTE).unwrap_or(at)
}

/// Reads a time; `None` if there is none.
///
/// # Errors
/// A problem at `pointer`.
pub(super) fn read(value: &Json, pointer: &str) -> Result<Option<Timestamp>, Problem> {
    match value {
        Json::Null => Ok(None),
        Json::String(text) if text.trim().is_empty() => Ok(None),
        other => match parse(other) {
            Some(at) => Ok(Some(at)),
            None => Err(Problem::field(
                ProblemKind::InvalidField,
                pointer,
                NOT_A_TIME.to_owned(),
            )),
        },
    }
}

/// Reason of the rejection of a value that is not a time.
pub(super) const NOT_A_TIME: &str =
    "must be an ISO 8601 time such as 2026-11-23T01:02:03Z, or a date";

/// Parses a time, or a date as its first instant in UTC.
pub(super) fn parse(value: &Json) -> Option<Timestamp> {
    domain::rules::time_in(value.as_str()?.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::try_from(text).unwrap()
    }

    fn time(call: Json) -> Result<String, Problem> {
        let call: Call = serde_json::from_value(call).unwrap();
        let time = of_call(&call, None, at("2026-11-23T12:00:00.500Z"));
        time.map(|time| time.to_string())
    }

    #[test]
    fn the_first_time_that_is_given_counts() {
        let received = "2026-11-23T12:00:00.500Z";
        for (call, expected) in [
            (
                json!({"timestamp": "2026-01-02T03:04:05+01:00"}),
                "2026-01-02T02:04:05.000Z",
            ),
            (
                json!({"originalTimestamp": "2026-01-02"}),
                "2026-01-02T00:00:00.000Z",
            ),
            (
                json!({"timestamp": "2026-01-02T03:04:05Z", "originalTimestamp": "2025-01-01"}),
                "2026-01-02T03:04:05.000Z",
            ),
            (json!({"sentAt": "2026-11-23T11:59:59Z"}), received),
            (json!({"timestamp": null}), received),
            (json!({"timestamp": ""}), received),
        ] {
            assert_eq!(time(call.clone()).as_deref(), Ok(expected), "{call}");
        }
        for odd in [json!("yesterday"), json!(1_700_000_000), json!(true)] {
            assert!(time(json!({"timestamp": odd})).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_wrong_clock_is_corrected_by_whole_minutes() {
        let moment = "2026-11-23T11:00:00Z";
        for (sent_at, expected) in [
            ("2026-11-23T11:59:58Z", "2026-11-23T11:00:00.000Z"),
            ("2026-11-23T12:05:00.500Z", "2026-11-23T11:00:00.000Z"),
            ("2026-11-23T11:54:59Z", "2026-11-23T11:05:00.000Z"),
            // An hour ahead, and a year behind.
            ("2026-11-23T12:59:59.900Z", "2026-11-23T10:00:00.000Z"),
            ("2025-11-23T12:00:00.000Z", "2027-11-23T11:00:00.000Z"),
        ] {
            let call = json!({"timestamp": moment, "sentAt": sent_at});
            assert_eq!(time(call).as_deref(), Ok(expected), "{sent_at}");
        }
    }
}

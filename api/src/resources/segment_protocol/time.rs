//! Times of calls.
//!
//! A device's clock may be wrong. A call has the time of its moment, and its request the
//! time at which the device sent it, both by the device's clock. The difference between
//! the time of sending and the time of receipt is therefore the error of that clock, and
//! is added to the time of the call.
//!
//! Two rules differ from Segment's. An error of up to five minutes is not corrected:
//! servers have better clocks than that, and a request may wait on its way. A larger one
//! is rounded to whole minutes, so that a call that an SDK sends again mostly has the same
//! time. Where the rounding differs, and for a call without a time, the time that was
//! recorded first stays: see [`CallTime`].

use chrono_tz::Tz;
use domain::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;

use super::call::Call;
use crate::http::body::given_time::GivenTime;
use crate::http::problem::{Problem, ProblemKind};

/// Error of a clock, in milliseconds, up to which no time is corrected.
const TOLERATED: i64 = 5 * MINUTE;

const MINUTE: i64 = 60_000;

/// When and how a request was received.
#[derive(Clone, Copy)]
pub(super) struct Receipt {
    /// Time of sending by the client's clock.
    pub(super) sent_at: Option<Timestamp>,
    pub(super) received_at: Timestamp,
    /// Zone in which a date alone begins.
    pub(super) zone: Tz,
}

/// Time of a call, and how far it can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CallTime {
    pub(super) at: Timestamp,
    /// By how many milliseconds the same call may have another time when it is sent again.
    tolerance: i64,
}

impl CallTime {
    fn exact(at: Timestamp) -> Self {
        Self { at, tolerance: 0 }
    }

    /// Returns true if the same call may have another time when it is sent again.
    pub(super) fn varies(self) -> bool {
        self.tolerance > 0
    }

    /// Returns true if the same call may have had this time when it was sent before.
    pub(super) fn may_be(self, recorded: Timestamp) -> bool {
        (self.at.millis() - recorded.millis()).abs() <= self.tolerance
    }
}

/// Returns the time of a call: `timestamp`, else `originalTimestamp`, each corrected if
/// there is `sentAt`; else the time of receipt.
///
/// # Errors
/// A problem at a time that cannot be read.
pub(super) fn of_call(call: &Call, receipt: Receipt) -> Result<CallTime, Problem> {
    let Receipt {
        sent_at,
        received_at,
        zone,
    } = receipt;
    let sent_at = read(&call.sent_at, "/sentAt", zone)?.or(sent_at);
    let given = match read(&call.timestamp, "/timestamp", zone)? {
        Some(at) => Some(at),
        None => read(&call.original_timestamp, "/originalTimestamp", zone)?,
    };
    Ok(match (given, sent_at) {
        (Some(at), Some(sent_at)) => corrected(at, sent_at, received_at),
        (Some(at), None) => CallTime::exact(at),
        (None, _) => CallTime {
            at: received_at,
            tolerance: i64::MAX,
        },
    })
}

fn corrected(at: Timestamp, sent_at: Timestamp, received_at: Timestamp) -> CallTime {
    let error = received_at.millis() - sent_at.millis();
    // The error that is measured at another time differs by the time that the request
    // takes: less than a minute.
    if error.abs() < TOLERATED - MINUTE {
        return CallTime::exact(at);
    }
    if error.abs() <= TOLERATED {
        let tolerance = TOLERATED + MINUTE;
        return CallTime { at, tolerance };
    }
    let minutes = (error + MINUTE / 2).div_euclid(MINUTE);
    let tolerance = match error.abs() <= TOLERATED + MINUTE {
        true => TOLERATED + MINUTE,
        false => MINUTE,
    };
    // A time beyond the possible years stays as it is.
    let corrected = Timestamp::from_millis(at.millis() + minutes * MINUTE);
    CallTime {
        at: corrected.unwrap_or(at),
        tolerance,
    }
}

/// Reads a time; `None` if there is none.
///
/// # Errors
/// A problem at `pointer`.
pub(super) fn read(value: &Json, pointer: &str, zone: Tz) -> Result<Option<Timestamp>, Problem> {
    match value {
        Json::Null => Ok(None),
        Json::String(text) if text.trim().is_empty() => Ok(None),
        other => match parse(other, zone) {
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

/// Parses a time, or a date as its first instant in `zone`.
pub(super) fn parse(value: &Json, zone: Tz) -> Option<Timestamp> {
    let text = Json::from(value.as_str()?.trim());
    let given = GivenTime::deserialize(&text).map(|time| time.in_zone(zone));
    given
        .ok()
        .or_else(|| domain::rules::time_in(text.as_str()?))
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
        let receipt = Receipt {
            sent_at: None,
            received_at: at("2026-11-23T12:00:00.500Z"),
            zone: Tz::Europe__Berlin,
        };
        let time = of_call(&call, receipt);
        time.map(|time| time.at.to_string())
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
                "2026-01-01T23:00:00.000Z",
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

    #[test]
    fn a_call_that_is_sent_again_may_have_had_another_time() {
        let moment = at("2026-11-23T11:00:00Z");
        let receipt = Receipt {
            sent_at: None,
            received_at: at("2026-11-23T12:00:00Z"),
            zone: Tz::UTC,
        };
        let sent = |sent_at: &str| json!({"timestamp": moment.to_string(), "sentAt": sent_at});
        for (call, minutes, is_same) in [
            (sent(""), 1, false),
            (json!({}), 600, true),
            // Ten minutes behind.
            (sent("2026-11-23T11:50:00Z"), 11, true),
            (sent("2026-11-23T11:50:00Z"), 20, false),
            // About as wrong as is tolerated.
            (sent("2026-11-23T11:55:01Z"), 5, true),
            (sent("2026-11-23T11:54:59Z"), 0, true),
            // A good clock.
            (sent("2026-11-23T11:59:59Z"), 1, false),
        ] {
            let read: Call = serde_json::from_value(call.clone()).unwrap();
            let time = of_call(&read, receipt).unwrap();
            let recorded = Timestamp::from_millis(moment.millis() + minutes * MINUTE).unwrap();
            assert_eq!(time.may_be(recorded), is_same, "{call} {minutes}");
        }
    }
}

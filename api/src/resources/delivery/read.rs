//! Readers of a receipt's fields, in the forms that vendors use.

use std::fmt;

use domain::{Text, Timestamp};
use serde::de::{self, Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Smallest number of a time in milliseconds; smaller ones are seconds. As seconds it
/// is in the year 5138, as milliseconds in 1973.
const FIRST_MILLIS: f64 = 100_000_000_000.0;

/// Status of a receipt that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReceiptStatus {
    Delivered,
    Failed,
    Bounced,
    Complained,
    Deferred,
    Opened,
    Clicked,
}

/// Status of a receipt, for the readers that look at nothing else.
#[derive(Deserialize)]
struct StatusOnly {
    status: String,
}

/// Returns the status of a receipt if it is a text that stands for no status.
pub(super) fn unknown_status(json: &str) -> Option<String> {
    let StatusOnly { status } = serde_json::from_str(json).ok()?;
    parse_status(&status).is_none().then_some(status)
}

fn parse_status(text: &str) -> Option<ReceiptStatus> {
    match text.trim().to_ascii_lowercase().as_str() {
        "delivered" => Some(ReceiptStatus::Delivered),
        "failed" => Some(ReceiptStatus::Failed),
        "bounced" => Some(ReceiptStatus::Bounced),
        "complained" => Some(ReceiptStatus::Complained),
        "deferred" => Some(ReceiptStatus::Deferred),
        "opened" => Some(ReceiptStatus::Opened),
        "clicked" => Some(ReceiptStatus::Clicked),
        _ => None,
    }
}

pub(super) fn status<'de, D: Deserializer<'de>>(from: D) -> Result<ReceiptStatus, D::Error> {
    let text = String::deserialize(from)?;
    parse_status(&text).ok_or_else(|| D::Error::custom("is not the status of a receipt"))
}

pub(super) fn vendor_message_id<'de, D: Deserializer<'de>>(from: D) -> Result<Text<128>, D::Error> {
    let id = Text::try_from(String::deserialize(from)?);
    id.map_err(|_| D::Error::custom("must have 1 to 128 bytes, without control characters"))
}

/// Reads a text; `None` for anything else.
pub(super) fn word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text.trim().to_owned()),
        _ => None,
    })
}

/// Reads a text or a number as a text of at most `MAX` bytes; `None` for a blank text
/// and for anything else. Control characters, such as the line breaks of an SMTP
/// response, become spaces.
pub(super) fn text<'de, D: Deserializer<'de>, const MAX: usize>(
    from: D,
) -> Result<Option<Text<MAX>>, D::Error> {
    let text = match Value::deserialize(from)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => return Ok(None),
    };
    Ok(Text::cut(text.replace(char::is_control, " ").trim()))
}

/// Reads an RFC 3339 time, or a Unix time in seconds or milliseconds, as a number or a
/// text.
pub(super) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    from.deserialize_any(TimeVisitor)
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an RFC 3339 time such as 2026-11-23T01:02:03Z, or Unix seconds or milliseconds",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        let text = text.trim();
        let is_number = text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || c == '.');
        match text.parse::<f64>().ok().filter(|_| is_number) {
            Some(number) => self.visit_f64(number),
            None => Timestamp::try_from(text).map_err(E::custom),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Timestamp, E> {
        // Exact up to far beyond the latest time.
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Timestamp, E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Timestamp, E> {
        let millis = match number.abs() < FIRST_MILLIS {
            true => number * 1_000.0,
            false => number,
        };
        // A number beyond 64 bits saturates, and is then out of range.
        Timestamp::from_millis(millis.round() as i64).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(value: Value) -> Option<String> {
        time(value).ok().map(|at| at.to_string())
    }

    #[test]
    fn a_time_has_many_forms() {
        let expected = Some("2026-11-23T01:02:03.000Z".to_owned());
        for form in [
            json!("2026-11-23T01:02:03Z"),
            json!(" 2026-11-23T02:02:03+01:00 "),
            json!(1_795_395_723),
            json!(1_795_395_723_000_i64),
            json!(1_795_395_723.0),
            json!("1795395723"),
            json!("1795395723000"),
            json!("1795395723.0"),
        ] {
            assert_eq!(at(form.clone()), expected, "{form}");
        }
        let exact = Some("2026-11-23T01:02:03.456Z".to_owned());
        assert_eq!(at(json!(1_795_395_723.456)), exact);
        assert_eq!(at(json!(1_795_395_723_456_i64)), exact);
        assert_eq!(at(json!(0)).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        for odd in [
            json!("soon"),
            json!(""),
            json!("1e9"),
            json!("2026-11-23"),
            json!(1e30),
            json!(-1e30),
            json!(u64::MAX),
            json!(null),
            json!(true),
            json!([1]),
        ] {
            assert_eq!(at(odd.clone()), None, "{odd}");
        }
    }

    #[test]
    fn a_text_is_cut_and_a_blank_one_is_none() {
        let read = |value| text::<_, 8>(value).unwrap().map(String::from);
        let cases = [
            (json!("550\r\n5.1"), Some("550  5.1")),
            (json!("  full "), Some("full")),
            (json!("grünüber"), Some("grünüb")),
            (json!(550), Some("550")),
            (json!(" \n"), None),
            (json!(""), None),
            (json!(null), None),
            (json!({"code": 550}), None),
        ];
        for (value, expected) in cases {
            assert_eq!(read(value.clone()).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_status_is_read_in_any_case() {
        for known in ["delivered", "Delivered", " BOUNCED", "Clicked"] {
            assert_eq!(unknown_status(&json!({"status": known}).to_string()), None);
        }
        let unknown = unknown_status(r#"{"status": "dropped", "x": [1]}"#);
        assert_eq!(unknown.as_deref(), Some("dropped"));
        for none in [r#"{"status": 7}"#, "{}", "7"] {
            assert_eq!(unknown_status(none), None, "{none}");
        }
    }
}

//! Values that conditions compare with.

use std::fmt;

use serde_json::Value as Json;

use super::error::quoted;
use super::field::Kind;
use super::moment::Moment;
use super::operator::Comparison;
use crate::{Text, TextError};

/// Maximum number of relative days, which exceeds the distance between any two
/// timestamps.
const MAX_DAYS: u64 = 3_000_000;

/// Value in a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A boolean.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number; always finite.
    Number(f64),
    /// A text of 1 to 1,024 bytes. When compared with an attribute, it also
    /// stands for the number or the boolean that it parses as.
    Text(Text<1024>),
    /// A time.
    Time(Moment),
}

impl Literal {
    /// Reads a value for a field of this kind. Numbers, booleans, and times may
    /// be strings.
    ///
    /// # Errors
    /// A message for the user that describes the problem with the value.
    pub(super) fn read(kind: Kind, comparison: Comparison, json: &Json) -> Result<Self, String> {
        match (kind, comparison) {
            (Kind::Text | Kind::Tags, _) => text(json),
            (Kind::Attribute, comparison) if comparison.is_of_text() => text(json),
            (Kind::Attribute, _) => attribute_literal(json),
            (Kind::Flag, _) => flag(json),
            (Kind::Count, _) => whole(json, "a whole number"),
            (Kind::Money, _) => whole(json, "a whole number of minor units"),
            (Kind::Days, _) => days(json),
            (Kind::Time, _) => time(json),
        }
    }

    /// Returns the value as JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Flag(flag) => (*flag).into(),
            Self::Integer(number) => (*number).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Time(moment) => moment.to_string().into(),
        }
    }
}

fn text(json: &Json) -> Result<Literal, String> {
    match json {
        Json::String(text) => match Text::try_from(text.clone()) {
            Ok(text) => Ok(Literal::Text(text)),
            Err(TextError::Empty) => {
                Err("must not be empty; use `null` to match a missing value".to_owned())
            }
            Err(error) => Err(error.to_string()),
        },
        other => Err(expected("a string", other)),
    }
}

fn flag(json: &Json) -> Result<Literal, String> {
    match json {
        Json::Bool(flag) => Ok(Literal::Flag(*flag)),
        Json::String(text) if text.trim() == "true" => Ok(Literal::Flag(true)),
        Json::String(text) if text.trim() == "false" => Ok(Literal::Flag(false)),
        other => Err(expected("true or false", other)),
    }
}

fn whole(json: &Json, what: &str) -> Result<Literal, String> {
    let number = match json {
        Json::Number(number) => Some(number.clone()),
        Json::String(text) => parse_number(text.trim()),
        _ => None,
    };
    let Some(number) = number else {
        return Err(expected(what, json));
    };
    match integer(&number) {
        Some(whole) => Ok(Literal::Integer(whole)),
        None if number.as_f64().is_some_and(|float| float.fract() == 0.0) => {
            Err(format!("must be {what}, and {number} is out of range"))
        }
        None => Err(expected(what, json)),
    }
}

fn days(json: &Json) -> Result<Literal, String> {
    match whole(json, "a whole number of days")? {
        Literal::Integer(days) if days.unsigned_abs() > MAX_DAYS => Err(format!(
            "must be at most {MAX_DAYS} days from now, not {days}"
        )),
        days => Ok(days),
    }
}

fn time(json: &Json) -> Result<Literal, String> {
    let moment = json.as_str().and_then(|text| Moment::parse(text.trim()));
    let what = "a date or time such as 2026-11-23 or 2026-11-23T01:02:03Z";
    moment
        .map(Literal::Time)
        .ok_or_else(|| expected(what, json))
}

/// Reads a value for an attribute, which may hold any type.
fn attribute_literal(json: &Json) -> Result<Literal, String> {
    match json {
        Json::Bool(flag) => Ok(Literal::Flag(*flag)),
        Json::Number(number) => Ok(number_literal(number)),
        Json::String(string) => match Moment::parse(string.trim()) {
            Some(moment) => Ok(Literal::Time(moment)),
            None => text(json),
        },
        other => Err(expected("a string, a number, a boolean, or a time", other)),
    }
}

fn number_literal(number: &serde_json::Number) -> Literal {
    match integer(number) {
        Some(whole) => Literal::Integer(whole),
        // Without the `arbitrary_precision` feature, every JSON number has a
        // finite `f64`.
        None => Literal::Number(number.as_f64().unwrap_or_default()),
    }
}

/// Parses a number in JSON notation.
pub(super) fn parse_number(text: &str) -> Option<serde_json::Number> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    plain.then(|| serde_json::from_str(text).ok()).flatten()
}

/// Returns the number that a text parses as, if any.
pub(super) fn number_in(text: &str) -> Option<Literal> {
    parse_number(text).map(|number| number_literal(&number))
}

/// Returns a whole number that fits an `i64`, even if it is written `1000.0`.
fn integer(number: &serde_json::Number) -> Option<i64> {
    /// 2^53: up to this value, an `f64` represents every whole number exactly.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
    })
}

fn expected(what: &str, found: &Json) -> String {
    let found = match found {
        Json::Null => "nothing".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        Json::String(text) => quoted(text),
        scalar => scalar.to_string(),
    };
    format!("must be {what}, not {found}")
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            // Unlike `{}`, `{:?}` always prints a point or an exponent, so that
            // 1e16 parses back as a float and not as an integer.
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Time(moment) => moment.fmt(f),
            Self::Text(text) => {
                let escaped = text.as_str().replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\"")
            }
        }
    }
}

//! The values that conditions compare with.

use std::fmt;

use serde_json::Value as Json;

use super::error::quoted;
use super::field::Kind;
use super::moment::Moment;
use super::operator::Question;
use crate::{Text, TextError};

/// More days than between any two timestamps.
const MAX_DAYS: u64 = 3_000_000;

/// A value in a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A boolean.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, finite.
    Number(f64),
    /// A text, 1 to 1,024 bytes. Compared with an attribute it also is the
    /// number or the boolean that it reads as.
    Text(Text<1024>),
    /// A time.
    Time(Moment),
}

impl Literal {
    /// Reads a value for a field of this kind. Numbers, booleans and times may
    /// be texts.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn read(kind: Kind, question: Question, json: &Json) -> Result<Self, String> {
        match (kind, question) {
            (Kind::Text | Kind::Tags, _) => text(json),
            (Kind::Attribute, question) if question.is_of_text() => text(json),
            (Kind::Attribute, _) => any(json),
            (Kind::Flag, _) => flag(json),
            (Kind::Count, _) => whole(json, "a whole number"),
            (Kind::Money, _) => whole(json, "a whole number of minor units"),
            (Kind::Days, _) => days(json),
            (Kind::Time, _) => time(json),
        }
    }

    /// As JSON.
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
            Err(TextError::Empty) => Err("must not be empty; `null` asks for no value".to_owned()),
            Err(error) => Err(error.to_string()),
        },
        other => Err(expected("a text", other)),
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

/// For an attribute, which may hold anything.
fn any(json: &Json) -> Result<Literal, String> {
    match json {
        Json::Bool(flag) => Ok(Literal::Flag(*flag)),
        Json::Number(number) => Ok(number_literal(number)),
        Json::String(string) => match Moment::parse(string.trim()) {
            Some(moment) => Ok(Literal::Time(moment)),
            None => text(json),
        },
        other => Err(expected("a text, a number, a boolean or a time", other)),
    }
}

fn number_literal(number: &serde_json::Number) -> Literal {
    match integer(number) {
        Some(whole) => Literal::Integer(whole),
        // Without arbitrary precision every JSON number has a finite f64.
        None => Literal::Number(number.as_f64().unwrap_or_default()),
    }
}

/// A number written as JSON writes one.
pub(super) fn parse_number(text: &str) -> Option<serde_json::Number> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    plain.then(|| serde_json::from_str(text).ok()).flatten()
}

/// The text's number, if it reads as one.
pub(super) fn number_in(text: &str) -> Option<Literal> {
    parse_number(text).map(|number| number_literal(&number))
}

/// A whole number that an `i64` holds, also when it is written `1000.0`.
fn integer(number: &serde_json::Number) -> Option<i64> {
    /// 2^53: up to here every whole number has an f64 of its own.
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
            // Unlike `{}` never without a point or an exponent: 1e16 is read
            // back as the number it is, not as a whole one.
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Time(moment) => moment.fmt(f),
            Self::Text(text) => {
                let escaped = text.as_str().replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\"")
            }
        }
    }
}

//! Conversion of a cell's text to a JSON value.

use std::cell::Cell;
use std::io::Write;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::value::RawValue;

use super::damage::{damage_of_id, damage_of_phone, has_text_mark, is_marked_number};
use super::dates::TimeReader;
use super::fields::FieldKind;
use super::ids::checked;
use super::money::{amount, currency};
use super::options::{DecimalSign, ImportOptions};
use super::record::RowNotes;
use super::tags::split_tags;

pub(super) use super::money::Decimals;

const TAG_SEPARATOR: char = ';';

/// Conversion of texts to values, with the options that determine how they are written.
#[derive(Debug)]
pub(super) struct ValueReader {
    times: TimeReader,
    decimal: Option<DecimalSign>,
    tag_separator: char,
    notes: Cell<RowNotes>,
}

impl ValueReader {
    /// # Errors
    /// Returns an error that names the option that is invalid.
    pub(super) fn new(options: &ImportOptions) -> anyhow::Result<Self> {
        let tag_separator = options.tag_separator.unwrap_or(TAG_SEPARATOR);
        anyhow::ensure!(
            tag_separator != '"',
            "--tag-separator: a quote encloses tags and cannot separate them"
        );
        Ok(Self {
            times: TimeReader::new(&options.date_format, options.time_zone)?,
            decimal: options.decimal,
            tag_separator,
            notes: Cell::default(),
        })
    }

    /// Returns what was noted since the last call.
    pub(super) fn take_notes(&self) -> RowNotes {
        self.notes.take()
    }

    /// Returns the text as it is meant: without the apostrophe by which shops and spreadsheets mark
    /// an id, a phone number or another number as text, and an id or phone number without blanks
    /// around it.
    pub(super) fn clean<'a>(&self, kind: FieldKind, text: &'a str) -> &'a str {
        let (text, is_marked) = match kind {
            FieldKind::Id | FieldKind::Phone => (text.trim(), has_text_mark(text.trim())),
            FieldKind::Text => (text, is_marked_number(text)),
            _ => return text,
        };
        if !is_marked {
            return text;
        }
        self.note(|notes| notes.text_marks += 1);
        &text[1..]
    }

    /// Appends `text`, which must not be empty, as JSON.
    ///
    /// # Errors
    /// Returns the rest of a sentence that begins with the text. `out` may then end in a partial
    /// value.
    pub(super) fn write(
        &self,
        kind: FieldKind,
        text: &str,
        decimals: Decimals,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        match kind {
            FieldKind::Text => write_json(text, out),
            FieldKind::Id => write_json(&checked(undamaged(text, damage_of_id)?)?, out),
            FieldKind::Phone => write_json(phone(undamaged(text, damage_of_phone)?), out),
            FieldKind::Amount => write_json(&self.amount(text, decimals)?, out),
            FieldKind::Currency => write_json(currency(text)?.code(), out),
            FieldKind::Time => write_json(&self.time(text)?, out),
            FieldKind::Flag => write_json(&flag(text)?, out),
            FieldKind::NegatedFlag => write_json(&!flag(text)?, out),
            FieldKind::Consent => write_json(&is_refusal(text, false)?, out),
            FieldKind::NegatedConsent => write_json(&is_refusal(text, true)?, out),
            FieldKind::Tags => write_json(&split_tags(text, self.tag_separator)?, out),
            FieldKind::Json => out.extend_from_slice(json(text)?.as_bytes()),
            FieldKind::Number => out.extend_from_slice(number(text)?.as_bytes()),
        }
        Ok(())
    }

    fn amount(&self, text: &str, decimals: Decimals) -> Result<i64, String> {
        match amount(text, decimals, self.decimal)? {
            value if value < 0 => Err("is negative".into()),
            value => Ok(value),
        }
    }

    fn time(&self, text: &str) -> Result<String, String> {
        let time = self.times.read(text)?;
        if time.is_ambiguous {
            self.note(|notes| notes.ambiguous_times += 1);
        }
        Ok(time.text)
    }

    fn note(&self, change: impl FnOnce(&mut RowNotes)) {
        let mut notes = self.notes.get();
        change(&mut notes);
        self.notes.set(notes);
    }
}

/// Returns the text without the mark that exports of lead forms put before a phone number.
fn phone(text: &str) -> &str {
    let unmarked = text.strip_prefix("p:");
    let unmarked =
        unmarked.filter(|rest| rest.starts_with(|c: char| c == '+' || c.is_ascii_digit()));
    unmarked.unwrap_or(text)
}

fn undamaged(
    text: &str,
    damage: impl FnOnce(&str) -> Option<&'static str>,
) -> Result<&str, String> {
    damage(text).map_or(Ok(text), |problem| Err(problem.into()))
}

fn flag(text: &str) -> Result<bool, String> {
    known_flag(text).ok_or_else(|| "is none of true, false, yes, no, 1 and 0".into())
}

fn known_flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" | "t" | "y" | "on" => Some(true),
        "false" | "no" | "0" | "f" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// Returns true if the text says that a person refuses messages. Words such as `subscribed` mean
/// the same in every column; the others follow the column's meaning. A time is a yes since then, as
/// in `UNSUB_TIME`.
fn is_refusal(text: &str, is_negated: bool) -> Result<bool, String> {
    let words = text.trim().to_ascii_lowercase().replace(['_', '-'], " ");
    match words.as_str() {
        "subscribed" | "opted in" => Ok(false),
        "unsubscribed" | "opted out" | "not subscribed" | "never subscribed" => Ok(true),
        _ if begins_with_a_date(text.trim()) => Ok(!is_negated),
        _ => known_flag(text)
            .map(|flag| flag != is_negated)
            .ok_or_else(|| {
                "is none of true, false, yes, no, 1, 0, subscribed and unsubscribed".into()
            }),
    }
}

fn begins_with_a_date(text: &str) -> bool {
    let date = text.get(..10);
    date.is_some_and(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok())
}

fn json(text: &str) -> Result<&str, String> {
    let value: &RawValue =
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    // A line end between two tokens would split the object, which is sent as one line.
    if value.get().contains(['\r', '\n']) {
        return Err("is JSON that contains line ends".into());
    }
    Ok(value.get())
}

fn number(text: &str) -> Result<&str, String> {
    let text = text.trim();
    let number: Result<serde_json::Number, _> = serde_json::from_str(text);
    number.map(|_| text).map_err(|_| "is not a number".into())
}

fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out.by_ref(), value);
    debug_assert!(written.is_ok(), "texts, numbers and flags always serialize");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(kind: FieldKind, text: &str) -> Result<String, String> {
        let reader = ValueReader::new(&ImportOptions::default()).unwrap();
        let mut out = Vec::new();
        let decimals = Decimals::stated("USD").unwrap();
        reader.write(kind, text, decimals, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_time_in_a_column_of_consent_is_a_yes_since_then() {
        assert_eq!(is_refusal("2026-01-02 08:00:00", false), Ok(true));
        assert_eq!(is_refusal("2026-01-02", true), Ok(false));
        assert!(is_refusal("2026-13-02", false).is_err());
    }

    #[test]
    fn flags_are_words_of_exports_in_any_case() {
        for text in ["TRUE", "yes", "1", "Y", " t ", "On"] {
            assert_eq!(
                write(FieldKind::Flag, text).as_deref(),
                Ok("true"),
                "{text}"
            );
            assert_eq!(
                write(FieldKind::NegatedFlag, text).as_deref(),
                Ok("false"),
                "{text}"
            );
        }
        for text in ["FALSE", "No", "0", "n", "off"] {
            assert_eq!(
                write(FieldKind::Consent, text).as_deref(),
                Ok("false"),
                "{text}"
            );
            assert_eq!(
                write(FieldKind::NegatedConsent, text).as_deref(),
                Ok("true"),
                "{text}"
            );
        }
        assert!(write(FieldKind::Flag, "maybe").is_err());
        assert!(write(FieldKind::Flag, "subscribed").is_err());
    }

    #[test]
    fn words_of_consent_mean_the_same_in_every_column() {
        for kind in [FieldKind::Consent, FieldKind::NegatedConsent] {
            assert_eq!(write(kind, "SUBSCRIBED").as_deref(), Ok("false"));
            assert_eq!(write(kind, "Unsubscribed").as_deref(), Ok("true"));
            assert_eq!(write(kind, "NOT_SUBSCRIBED").as_deref(), Ok("true"));
            assert_eq!(write(kind, "opted-in").as_deref(), Ok("false"));
            assert!(write(kind, "pending").unwrap_err().contains("unsubscribed"));
        }
    }

    #[test]
    fn damaged_ids_and_phone_numbers_are_refused() {
        assert_eq!(write(FieldKind::Id, "#1001").as_deref(), Ok("\"#1001\""));
        assert!(
            write(FieldKind::Id, "6.81012E+12")
                .unwrap_err()
                .contains("spreadsheet")
        );
        assert!(
            write(FieldKind::Phone, "4.47912E+11")
                .unwrap_err()
                .contains("spreadsheet")
        );
        assert!(write(FieldKind::Phone, "n/a").is_err());
        assert_eq!(
            write(FieldKind::Text, "6.81012E+12").as_deref(),
            Ok("\"6.81012E+12\"")
        );
    }

    #[test]
    fn an_apostrophe_before_an_id_or_phone_number_is_removed_and_counted() {
        let reader = ValueReader::new(&ImportOptions::default()).unwrap();
        assert_eq!(reader.clean(FieldKind::Id, " '7410 "), "7410");
        assert_eq!(reader.clean(FieldKind::Phone, "'+4620"), "+4620");
        assert_eq!(reader.clean(FieldKind::Id, "'t"), "'t");
        assert_eq!(reader.clean(FieldKind::Text, "'01067"), "01067");
        assert_eq!(reader.clean(FieldKind::Text, "'90s"), "'90s");
        assert_eq!(reader.take_notes().text_marks, 3);
        assert_eq!(reader.take_notes(), RowNotes::default());
    }

    #[test]
    fn currencies_are_written_in_capitals_and_amounts_are_not_negative() {
        assert_eq!(
            write(FieldKind::Currency, " usd ").as_deref(),
            Ok("\"USD\"")
        );
        assert_eq!(
            write(FieldKind::Amount, "-5.00").unwrap_err(),
            "is negative"
        );
        assert_eq!(write(FieldKind::Amount, "-0.00").as_deref(), Ok("0"));
    }
}

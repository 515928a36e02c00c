//! Conversion of a cell's text to a JSON value.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::Write;

use serde::Serialize;
use serde_json::value::RawValue;

use super::damage::{
    damage_of_id, damage_of_phone, has_text_mark, is_marked_number, text_of_formula,
};
use super::dates::TimeReader;
use super::decimal::json_number;
use super::fields::FieldKind;
use super::flags::FlagReader;
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
    flags: FlagReader,
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
            flags: FlagReader::new(options)?,
            tag_separator,
            notes: Cell::default(),
        })
    }

    /// Returns what was noted since the last call.
    pub(super) fn take_notes(&self) -> RowNotes {
        self.notes.take()
    }

    /// Returns the text as it is meant: without the apostrophe or the formula `="…"` by which shops
    /// and spreadsheets mark an id, a phone number or another number as text, and an id or phone
    /// number without blanks around it.
    pub(super) fn clean<'a>(&self, kind: FieldKind, text: &'a str) -> &'a str {
        let (text, is_marked) = match kind {
            FieldKind::Id | FieldKind::Phone => (text.trim(), has_text_mark(text.trim())),
            FieldKind::Text => (text, is_marked_number(text)),
            _ => return text,
        };
        let meant = match text_of_formula(text) {
            Some(inner) => inner,
            None if is_marked => &text[1..],
            None => return text,
        };
        self.note(|notes| notes.text_marks += 1);
        meant
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
            FieldKind::Flag => write_json(&self.flags.flag(text)?, out),
            FieldKind::NegatedFlag => write_json(&!self.flags.flag(text)?, out),
            FieldKind::Consent => write_json(&self.flags.is_refusal(text, false)?, out),
            FieldKind::NegatedConsent => write_json(&self.flags.is_refusal(text, true)?, out),
            FieldKind::Tags => write_json(&split_tags(text, self.tag_separator)?, out),
            FieldKind::Json => out.extend_from_slice(json(text)?.as_bytes()),
            FieldKind::Number => out.extend_from_slice(self.number(text)?.as_bytes()),
        }
        Ok(())
    }

    /// Returns the decimal sign that an option states.
    pub(super) fn decimal(&self) -> Option<DecimalSign> {
        self.decimal
    }

    /// Returns true if both texts are the same value. Texts that are no values are compared as they
    /// are.
    pub(super) fn are_equal(
        &self,
        kind: FieldKind,
        (one, decimals_of_one): (&str, Decimals),
        (two, decimals_of_two): (&str, Decimals),
    ) -> bool {
        // A comparison is not noted: the value is read again when it is written.
        let notes = self.notes.get();
        let (mut json_of_one, mut json_of_two) = (Vec::new(), Vec::new());
        let is_one = self.write(kind, one, decimals_of_one, &mut json_of_one);
        let is_two = self.write(kind, two, decimals_of_two, &mut json_of_two);
        self.notes.set(notes);
        is_one.is_ok() && is_two.is_ok() && json_of_one == json_of_two
    }

    /// Returns the number as JSON writes it.
    fn number<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, String> {
        let text = text.trim();
        let is_json = |text: &str| serde_json::from_str::<serde_json::Number>(text).is_ok();
        let read = |sign| json_number(text, sign).filter(|number| is_json(number));
        // `1e5` has no sign that could mean two things.
        let is_plain = self.decimal != Some(DecimalSign::Comma) || !text.contains('.');
        if is_plain && is_json(text) {
            return Ok(Cow::Borrowed(text));
        }
        if let Some(number) = self.decimal.and_then(read) {
            return Ok(Cow::Owned(number));
        }
        let mut problem = "is not a number".to_owned();
        for sign in [DecimalSign::Point, DecimalSign::Comma] {
            if self.decimal != Some(sign)
                && let Some(number) = read(sign)
            {
                problem += &format!("; --decimal {} reads it as {number}", sign.name());
            }
        }
        Err(problem)
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

fn json(text: &str) -> Result<&str, String> {
    let value: &RawValue =
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    // A line end between two tokens would split the object, which is sent as one line.
    if value.get().contains(['\r', '\n']) {
        return Err("is JSON that contains line ends".into());
    }
    Ok(value.get())
}

fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out.by_ref(), value);
    debug_assert!(written.is_ok(), "texts, numbers and flags always serialize");
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;

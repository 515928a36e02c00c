//! Options of an import, in the form that the command line, a preset and the API share.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::encoding::TextEncoding;
use super::zones::TimeZone;

/// Conversion of a table's rows to objects. Of these options, only `encoding` and `last_wins` apply to
/// NDJSON.
///
/// The JSON form has only the options that are given:
/// `{"delimiter": ";", "map": {"order_id": "Name"}, "set": {"currency": "USD"}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportOptions {
    /// Encoding of a file without a byte-order mark; UTF-8 by default. Applies to NDJSON too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<TextEncoding>,
    /// Separator of columns; a comma by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// The first line is data, and the columns are named 1, 2, …
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_header: bool,
    /// Fields and the columns that fill them: `Column`, `Column#2`, `!Column`, `{Column} {Column}`, or
    /// `=Column` for a column of consent that is meant as it is.
    /// Without any, columns with the name of a field fill it.
    #[serde(with = "pairs", skip_serializing_if = "Vec::is_empty")]
    pub map: Vec<Pair>,
    /// Fields and the columns that fill them where the column of `map` is missing or empty.
    #[serde(with = "pairs", skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<Pair>,
    /// Fields with the same value in every object.
    #[serde(with = "pairs", skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<Pair>,
    /// Template of the id, with `{line}` in place of the line number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Statuses of the file and what they mean: `placed`, `cancelled`, `refunded`, or `skip` for
    /// orders that are left out. Upper case and lower case are the same. A status that ends in `*`
    /// stands for all with this beginning; the longest one counts.
    #[serde(with = "pairs", skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<Pair>,
    /// Fields of an order whose first value counts if its rows differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first_row: Vec<String>,
    /// Of rows with one id and other content, the last one counts. Without this, they are refused.
    /// Applies to NDJSON too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub last_wins: bool,
    /// Unit of amounts; major by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_unit: Option<AmountUnit>,
    /// Decimal sign of amounts, which may then be written for people: with thousands separators, a
    /// currency sign, and a negative amount in parentheses. By default only plain numbers are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<DecimalSign>,
    /// Formats of times, as in strftime, of which the first that fits is used; RFC 3339 or
    /// `YYYY-MM-DD` by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub date_format: Vec<String>,
    /// Zone of times without an offset, and of dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// Separator of the tags in a cell; a semicolon by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_separator: Option<char>,
    /// Words of yes in columns of flags, beside true, yes, y, t, on and 1; in any case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub yes_word: Vec<String>,
    /// Words of no in columns of flags, beside false, no, n, f, off and 0; in any case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_word: Vec<String>,
    /// Texts that stand for an empty cell, such as `n/a`, in any case. Those of a preset are added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub empty: Vec<String>,
    /// Customers' fields that an empty cell clears; `all` stands for all that columns fill. An empty
    /// cell leaves the other fields as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clear_empty: Vec<String>,
}

/// Format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// One JSON object per line, in the form of the API.
    Ndjson,
    /// Rows of columns.
    Csv,
}

/// Unit of the amounts in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AmountUnit {
    /// Units of the currency, with decimals: 11.77.
    Major,
    /// Minor units: 1177.
    Minor,
}

/// Decimal sign of amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecimalSign {
    /// 1,234.50
    Point,
    /// 1.234,50
    Comma,
}

/// Separator of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// Runs of spaces and tabs.
    Whitespace,
    /// One ASCII character.
    Byte(u8),
}

/// Field and the column or value that fills it: `field=value`, split at the first `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Name of the field.
    pub field: String,
    /// Column or value.
    pub value: String,
}

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.as_bytes()) {
            ("whitespace", _) => Ok(Self::Whitespace),
            ("tab" | "\\t", _) => Ok(Self::Byte(b'\t')),
            (_, [b'"' | b'\r' | b'\n']) => {
                Err("quotes and line ends cannot separate columns".into())
            }
            (_, [byte]) if byte.is_ascii() => Ok(Self::Byte(*byte)),
            _ => Err("must be one ASCII character, 'tab' or 'whitespace'".into()),
        }
    }
}

impl Serialize for Delimiter {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whitespace => out.serialize_str("whitespace"),
            Self::Byte(b'\t') => out.serialize_str("tab"),
            Self::Byte(byte) => out.serialize_char(char::from(*byte)),
        }
    }
}

impl<'de> Deserialize<'de> for Delimiter {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, value) = text.split_once('=').ok_or("has no '='")?;
        if field.is_empty() {
            return Err("has no field before the '='".into());
        }
        Ok(Self {
            field: field.into(),
            value: value.into(),
        })
    }
}

/// Pairs as an object whose members are in the order of the pairs.
mod pairs {
    use std::fmt;

    use serde::de::{MapAccess, Visitor};
    use serde::{Deserializer, Serializer};

    use super::Pair;

    pub(super) fn serialize<S: Serializer>(pairs: &[Pair], out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(pairs.iter().map(|pair| (&pair.field, &pair.value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pair>, D::Error> {
        from.deserialize_map(Pairs)
    }

    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<Pair>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("an object of texts")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Vec<Pair>, M::Error> {
            let mut pairs = Vec::new();
            while let Some((field, value)) = map.next_entry()? {
                pairs.push(Pair { field, value });
            }
            Ok(pairs)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn options_keep_their_json_form() {
        let options = json!({
            "delimiter": "tab", "map": {"order_id": "Name", "amount": "Total"},
            "set": {"currency": "USD"}, "amount_unit": "minor", "encoding": "windows-1252",
            "decimal": "comma", "date_format": ["%d.%m.%Y"], "time_zone": "Europe/Berlin",
            "tag_separator": ",", "yes_word": ["ja"], "no_word": ["nein"], "empty": ["n/a"],
            "clear_empty": ["email"]
        });
        let read: ImportOptions = from_value(options.clone()).unwrap();
        assert_eq!(read.delimiter, Some(Delimiter::Byte(b'\t')));
        assert!(read.map.contains(&"order_id=Name".parse().unwrap()));
        assert_eq!(to_value(&read).unwrap(), options);
        assert_eq!(to_value(ImportOptions::default()).unwrap(), json!({}));
        assert!(from_value::<ImportOptions>(json!({"delimiter": "||"})).is_err());
        assert!(from_value::<ImportOptions>(json!({"mop": {}})).is_err());
        assert!(from_value::<ImportOptions>(json!({"encoding": "ansi-ish"})).is_err());
        assert!(from_value::<ImportOptions>(json!({"time_zone": "Berlin"})).is_err());
    }
}

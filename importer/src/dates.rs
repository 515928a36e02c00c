//! Conversion of times in files to the API's form: RFC 3339 in UTC with milliseconds, or a date
//! alone.

use std::fmt::Write as _;

use anyhow::Context;
use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse, parse_and_remainder};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SecondsFormat, Utc};

use super::zones::{TimeZone, instant_of_abbreviation};

/// Forms of a local time without `--date-format`.
const LOCAL_FORMS: [&str; 4] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
];
/// Forms of a time with an offset that are not RFC 3339, but can mean nothing else.
const OFFSET_FORMS: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%dT%H:%M:%S%.f%#z"];

/// First year that a file may have. Earlier ones are years of two digits.
const FIRST_YEAR: i32 = 1000;

/// Formats and zone of the times in a file.
#[derive(Debug, Default)]
pub(super) struct TimeReader {
    /// Formats of `--date-format`, of which the first that fits is used. Without any, times are
    /// RFC 3339 or dates.
    formats: Vec<TimeFormat>,
    /// Zone of times without an offset.
    zone: Option<TimeZone>,
}

/// Time in the API's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadTime {
    pub(super) text: String,
    /// True if clocks showed the time twice. The first is meant.
    pub(super) is_ambiguous: bool,
}

#[derive(Debug)]
struct TimeFormat {
    text: String,
    items: Vec<Item<'static>>,
    /// Items after the zone's abbreviation (`%Z`), if the format has one.
    after_zone: Option<Vec<Item<'static>>>,
    /// True if the format itself says that times are UTC, as `%H:%M:%SZ` does.
    is_utc: bool,
}

/// Time or date as it stands in a cell.
enum Parts {
    Instant(DateTime<Utc>),
    Local(NaiveDateTime),
    Zoned(NaiveDateTime, String),
    Date(NaiveDate),
}

impl TimeReader {
    /// Parses the formats of `--date-format`.
    pub(super) fn new(formats: &[String], zone: Option<TimeZone>) -> anyhow::Result<Self> {
        let formats = formats.iter().map(|text| TimeFormat::new(text));
        let formats = formats.collect::<anyhow::Result<_>>()?;
        Ok(Self { formats, zone })
    }

    /// Returns the time in the API's form. A date alone is the start of that day in the stated
    /// zone. Without a zone it stays a date, which the API reads by its own rule.
    ///
    /// # Errors
    /// Returns the rest of a sentence that begins with the text.
    pub(super) fn read(&self, text: &str) -> Result<ReadTime, String> {
        let text = text.trim();
        let (time, is_ambiguous) = match self.parts(text)? {
            Parts::Instant(time) => (time, false),
            Parts::Zoned(local, name) => (instant_of_abbreviation(local, &name, self.zone)?, false),
            Parts::Local(local) => match self.zone {
                Some(zone) => {
                    let instant = zone.instant(local)?;
                    (instant.time, instant.is_ambiguous)
                }
                None => (local.and_utc(), false),
            },
            Parts::Date(date) => match self.zone {
                Some(zone) => (zone.start_of(date), false),
                None => return date_alone(date),
            },
        };
        require_year(time.year())?;
        Ok(ReadTime {
            text: time.to_rfc3339_opts(SecondsFormat::Millis, true),
            is_ambiguous,
        })
    }

    fn parts(&self, text: &str) -> Result<Parts, String> {
        let problem = if self.formats.is_empty() {
            match self.plain(text) {
                Some(parts) => return Ok(parts),
                None if is_local(text) => {
                    "has no offset from UTC; pass --time-zone, such as --time-zone Europe/Berlin \
                     (or --time-zone UTC), or a --date-format"
                        .to_owned()
                }
                None => "is not an RFC 3339 time or a date like 2026-01-31 (use --date-format for \
                         other formats)"
                    .to_owned(),
            }
        } else {
            let mut first = None;
            for format in &self.formats {
                match format.read(text) {
                    Ok(parts) if parts.year() >= FIRST_YEAR => return Ok(parts),
                    Ok(parts) => first = first.or(Some(parts)),
                    Err(_) => {}
                }
            }
            // Years of two digits fit a format with `%Y`, too. The year is refused below.
            match first {
                Some(parts) => return Ok(parts),
                None => self.misfit(text),
            }
        };
        Err(match is_serial_date(text) {
            true => format!(
                "{problem}; it looks like the number by which a spreadsheet keeps a date: format \
                 the column as a date there and export again"
            ),
            false => problem,
        })
    }

    /// Reads a time as RFC 3339, a similar form with an offset, or a date. Local times are read
    /// only if there is a zone for them.
    fn plain(&self, text: &str) -> Option<Parts> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Parts::Instant(time.to_utc()));
        }
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Parts::Date(date));
        }
        let with_offset = OFFSET_FORMS
            .iter()
            .map(|form| DateTime::parse_from_str(text, form))
            .find_map(Result::ok);
        if let Some(time) = with_offset {
            return Some(Parts::Instant(time.to_utc()));
        }
        self.zone.and_then(|_| local(text)).map(Parts::Local)
    }

    fn misfit(&self, text: &str) -> String {
        let names: Vec<_> = self
            .formats
            .iter()
            .map(|format| format.text.as_str())
            .collect();
        let names = names.join(" or ");
        if self.formats.iter().any(|format| format.is_impossible(text)) {
            return format!("is not a time in the format {names}: there is no such day or time");
        }
        let example = self.formats.first().and_then(TimeFormat::example);
        match example {
            Some(example) => format!("is not a time in the format {names}, as {example} is"),
            None => format!("is not a time in the format {names}"),
        }
    }
}

impl Parts {
    fn year(&self) -> i32 {
        match self {
            Self::Instant(time) => time.year(),
            Self::Local(time) | Self::Zoned(time, _) => time.year(),
            Self::Date(date) => date.year(),
        }
    }
}

impl TimeFormat {
    fn new(text: &str) -> anyhow::Result<Self> {
        anyhow::ensure!(
            text.contains('%'),
            "--date-format {text}: is not a format of strftime, which has a % before each letter: \
             {} would be one; %Y is the year, %m the month, %d the day, %H:%M:%S the time",
            spelled(text)
        );
        let items = StrftimeItems::new(text)
            .parse_to_owned()
            .with_context(|| format!("--date-format {text}: not a strftime format"))?;
        let is_zone = |item: &Item| matches!(item, Item::Fixed(Fixed::TimezoneName));
        let zones = items.iter().filter(|item| is_zone(item)).count();
        anyhow::ensure!(zones <= 1, "--date-format {text}: has %Z more than once");
        let mut parts = items.split(is_zone);
        let before = parts.next().unwrap_or_default().to_vec();
        let after_zone = parts.next().map(<[_]>::to_vec);
        let is_utc = items.iter().any(says_utc);
        Ok(Self {
            text: text.into(),
            items: before,
            after_zone,
            is_utc,
        })
    }

    fn read(&self, text: &str) -> chrono::ParseResult<Parts> {
        let (parsed, zone) = self.parse(text)?;
        if parsed.timestamp().is_some() {
            let time = parsed.to_naive_datetime_with_offset(0)?;
            return Ok(Parts::Instant(time.and_utc()));
        }
        if parsed.offset().is_some() {
            return Ok(Parts::Instant(parsed.to_datetime()?.to_utc()));
        }
        if parsed.hour_mod_12().is_none() {
            return parsed.to_naive_date().map(Parts::Date);
        }
        let local = parsed.to_naive_datetime_with_offset(0)?;
        Ok(match zone {
            Some(zone) => Parts::Zoned(local, zone.to_owned()),
            None if self.is_utc => Parts::Instant(local.and_utc()),
            None => Parts::Local(local),
        })
    }

    fn parse<'a>(&self, text: &'a str) -> chrono::ParseResult<(Parsed, Option<&'a str>)> {
        let mut parsed = Parsed::new();
        let Some(after) = &self.after_zone else {
            parse(&mut parsed, text, self.items.iter())?;
            return Ok((parsed, None));
        };
        let rest = parse_and_remainder(&mut parsed, text, self.items.iter())?;
        let length = rest
            .find(|one: char| !one.is_alphabetic())
            .unwrap_or(rest.len());
        let (zone, rest) = rest.split_at(length);
        parse(&mut parsed, rest, after.iter())?;
        Ok((parsed, Some(zone)))
    }

    /// Returns true if the text has the format, but there is no such day or time.
    fn is_impossible(&self, text: &str) -> bool {
        use chrono::format::ParseErrorKind::{Impossible, OutOfRange};
        let error = self.read(text).err();
        error.is_some_and(|error| matches!(error.kind(), Impossible | OutOfRange))
    }

    /// Returns a time in this format, for messages. A format that only parses has none.
    fn example(&self) -> Option<String> {
        let time = DateTime::from_timestamp(1_769_850_300, 0)?;
        let mut text = String::new();
        write!(text, "{}", time.format_with_items(self.items.iter())).ok()?;
        if let Some(after) = &self.after_zone {
            write!(text, "UTC{}", time.format_with_items(after.iter())).ok()?;
        }
        Some(text)
    }
}

/// Returns a format that people write as `DD.MM.YYYY HH:mm`, in the spelling of strftime.
fn spelled(text: &str) -> String {
    const PLAIN: &str = "%Y-%m-%d";
    if text.contains(|one: char| one.is_alphabetic() && !"yYmMdDhHsST".contains(one)) {
        return PLAIN.into();
    }
    let mut spelled = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let same = |one: char| one.eq_ignore_ascii_case(&first);
        let length = rest.find(|one| !same(one)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(length);
        let is_minute = spelled.ends_with("%H:");
        match first {
            'y' | 'Y' if length > 2 => spelled += "%Y",
            'y' | 'Y' => spelled += "%y",
            'd' | 'D' => spelled += "%d",
            'h' | 'H' => spelled += "%H",
            's' | 'S' => spelled += "%S",
            'm' | 'M' if is_minute => spelled += "%M",
            'm' | 'M' => spelled += "%m",
            _ => spelled += run,
        }
        rest = after;
    }
    match spelled.contains('%') {
        true => spelled,
        false => PLAIN.into(),
    }
}

fn date_alone(date: NaiveDate) -> Result<ReadTime, String> {
    require_year(date.year())?;
    Ok(ReadTime {
        text: date.format("%Y-%m-%d").to_string(),
        is_ambiguous: false,
    })
}

fn require_year(year: i32) -> Result<(), String> {
    match year {
        FIRST_YEAR..=9999 => Ok(()),
        0..FIRST_YEAR => Err(format!(
            "has the year {year}; if years have two digits, use %y in place of %Y in --date-format"
        )),
        _ => Err(format!(
            "has a year that is not between {FIRST_YEAR} and 9999"
        )),
    }
}

fn is_local(text: &str) -> bool {
    local(text).is_some()
}

fn local(text: &str) -> Option<NaiveDateTime> {
    let forms = LOCAL_FORMS.iter();
    forms
        .map(|form| NaiveDateTime::parse_from_str(text, form))
        .find_map(Result::ok)
}

/// Returns true if the literal text of a format says that times are UTC.
fn says_utc(item: &Item) -> bool {
    let text = match item {
        Item::Literal(text) => *text,
        Item::OwnedLiteral(text) => text,
        _ => return false,
    };
    let mut words = text.split(|one: char| !one.is_alphabetic());
    words.any(|word| matches!(word, "Z" | "UTC" | "GMT"))
}

/// Returns true for a number of days since 1900, from 1968 to 2099, as spreadsheets keep dates.
fn is_serial_date(text: &str) -> bool {
    let (days, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    is_number(fraction) && days.len() == 5 && is_number(days) && ("25000".."73051").contains(&days)
}

#[cfg(test)]
#[path = "dates_tests.rs"]
mod tests;

//! Time zones: local times in a named zone, and abbreviations of zones.

use std::str::FromStr;

use chrono::{
    DateTime, Datelike, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime,
};
use chrono::{Offset, TimeDelta, TimeZone as _, Utc};
use chrono_tz::{OffsetName, Tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::quoted::quoted;

/// Abbreviations that have one meaning, with their offset from UTC in minutes.
///
/// Not here, since they have several: AST, BST, CDT, CST, ECT, EST, GST, IST, MST, PST, SST and
/// others. The offset of MSK was another one for some years: see [`instant_of_abbreviation`].
const ABBREVIATIONS: [(&str, i32); 39] = [
    ("UTC", 0),
    ("GMT", 0),
    ("UT", 0),
    ("Z", 0),
    ("WET", 0),
    ("WEST", 60),
    ("CET", 60),
    ("MEZ", 60),
    ("CEST", 120),
    ("MESZ", 120),
    ("EET", 120),
    ("EEST", 180),
    ("TRT", 180),
    ("WAT", 60),
    ("CAT", 120),
    ("SAST", 120),
    ("EAT", 180),
    ("PKT", 300),
    ("NPT", 345),
    ("WIB", 420),
    ("WITA", 480),
    ("WIT", 540),
    ("HKT", 480),
    ("SGT", 480),
    ("JST", 540),
    ("KST", 540),
    ("AWST", 480),
    ("ACST", 570),
    ("ACDT", 630),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
    ("EDT", -240),
    ("MDT", -360),
    ("PDT", -420),
    ("AKST", -540),
    ("AKDT", -480),
    ("HST", -600),
];

/// Time zone of the IANA database, such as `Europe/Berlin`. Its text form is the name in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(Tz);

/// Instant of a local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalInstant {
    pub(super) time: DateTime<Utc>,
    /// True if clocks showed the local time twice. The instant is then the first.
    pub(super) is_ambiguous: bool,
}

impl TimeZone {
    /// Returns the instant at which clocks of the zone showed this time.
    ///
    /// # Errors
    /// Returns the rest of a sentence that begins with the text of the time, if clocks never showed
    /// it.
    pub(super) fn instant(self, local: NaiveDateTime) -> Result<LocalInstant, String> {
        let (time, is_ambiguous) = match self.0.from_local_datetime(&local) {
            MappedLocalTime::Single(time) => (time, false),
            MappedLocalTime::Ambiguous(first, _) => (first, true),
            MappedLocalTime::None => {
                return Err(format!(
                    "is a time that did not exist in {}: clocks were set forward past it",
                    self.0.name()
                ));
            }
        };
        let time = time.to_utc();
        Ok(LocalInstant { time, is_ambiguous })
    }

    /// Returns the first instant of a day.
    pub(super) fn start_of(self, date: NaiveDate) -> DateTime<Utc> {
        // Clocks that are set forward at midnight skip up to the first hour of the day; once a
        // zone skipped a whole day.
        let midnight = date.and_time(NaiveTime::MIN);
        (0..=24 * 4)
            .filter_map(|quarters| midnight.checked_add_signed(TimeDelta::minutes(15 * quarters)))
            .find_map(|local| self.0.from_local_datetime(&local).earliest())
            .map_or_else(|| midnight.and_utc(), |time| time.to_utc())
    }

    /// Returns the instant of a local time in the half of the year that the abbreviation names, as
    /// CET and CEST do in Europe/Berlin. `None` if the zone does not have it then.
    fn named_instant(self, local: NaiveDateTime, abbreviation: &str) -> Option<DateTime<Utc>> {
        let is_named = |time: &DateTime<Tz>| time.offset().abbreviation() == Some(abbreviation);
        let times = match self.0.from_local_datetime(&local) {
            MappedLocalTime::Single(time) => [Some(time), None],
            MappedLocalTime::Ambiguous(first, second) => [Some(first), Some(second)],
            MappedLocalTime::None => [None, None],
        };
        let named = times.into_iter().flatten().find(is_named);
        named.map(|time| time.to_utc())
    }

    /// Returns the instant of a local time by the offset that the abbreviation has in the other half
    /// of the year, as a program writes that knows only EST in New York.
    fn named_instant_of_year(
        self,
        local: NaiveDateTime,
        abbreviation: &str,
    ) -> Option<DateTime<Utc>> {
        let offset = [1, 7].into_iter().find_map(|month| {
            let day = NaiveDate::from_ymd_opt(local.year(), month, 1)?;
            let offset = self.0.offset_from_utc_date(&day);
            (offset.abbreviation() == Some(abbreviation)).then(|| offset.fix())
        })?;
        local.checked_sub_offset(offset).map(|time| time.and_utc())
    }
}

/// Returns the instant of a local time whose zone has this abbreviation. A stated zone gives its
/// own abbreviations their meaning.
///
/// # Errors
/// Returns the rest of a sentence that begins with the text of the time.
pub(super) fn instant_of_abbreviation(
    local: NaiveDateTime,
    abbreviation: &str,
    stated: Option<TimeZone>,
) -> Result<DateTime<Utc>, String> {
    let upper = abbreviation.to_ascii_uppercase();
    // Moscow was four hours ahead of UTC from 2011 to 2014.
    let moscow = (upper == "MSK").then_some(TimeZone(Tz::Europe__Moscow));
    let named = stated
        .and_then(|zone| zone.named_instant(local, &upper))
        .or_else(|| stated?.named_instant_of_year(local, &upper))
        .or_else(|| moscow?.named_instant(local, &upper));
    if let Some(time) = named {
        return Ok(time);
    }
    let known = ABBREVIATIONS.iter().find(|(name, _)| *name == upper);
    let offset = known.and_then(|(_, minutes)| FixedOffset::east_opt(minutes * 60));
    offset
        .and_then(|offset| local.checked_sub_offset(offset.fix()))
        .map(|time| time.and_utc())
        .ok_or_else(|| {
            format!(
                "has the time zone {}, which is unknown or has several meanings; pass --time-zone, \
                 such as --time-zone America/New_York, or export times with an offset (%z)",
                quoted(abbreviation)
            )
        })
}

impl FromStr for TimeZone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = |zone: &&Tz| zone.name().eq_ignore_ascii_case(name);
        let zone = chrono_tz::TZ_VARIANTS.iter().find(named);
        zone.map(|zone| Self(*zone))
            .ok_or_else(|| "is not a time zone of the IANA database, such as Europe/Berlin".into())
    }
}

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[path = "zones_tests.rs"]
mod tests;

//! Time zones: local times in a named zone, and abbreviations of zones.

use std::str::FromStr;

use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime};
use chrono::{Offset, TimeDelta, TimeZone as _, Utc};
use chrono_tz::{OffsetName, Tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Abbreviations that have one meaning, with their offset from UTC in minutes.
///
/// Not here, since they have several: AST, BST, CDT, CST, ECT, GST, IST, MST, PST, SST and others.
const ABBREVIATIONS: [(&str, i32); 41] = [
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
    ("MSK", 180),
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
    ("EST", -300),
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
    if let Some(time) = stated.and_then(|zone| zone.named_instant(local, &upper)) {
        return Ok(time);
    }
    let known = ABBREVIATIONS.iter().find(|(name, _)| *name == upper);
    let offset = known.and_then(|(_, minutes)| FixedOffset::east_opt(minutes * 60));
    offset
        .and_then(|offset| local.checked_sub_offset(offset.fix()))
        .map(|time| time.and_utc())
        .ok_or_else(|| {
            format!(
                "has the time zone \"{abbreviation}\", which is unknown or has several meanings; \
                 pass --time-zone, such as --time-zone America/New_York, or export times with an \
                 offset (%z)"
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        name.parse().unwrap()
    }

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    fn in_berlin(text: &str) -> Result<(String, bool), String> {
        let instant = zone("europe/berlin").instant(local(text))?;
        Ok((instant.time.to_rfc3339(), instant.is_ambiguous))
    }

    #[test]
    fn a_local_time_is_the_first_of_its_instants() {
        let ok = |text, wanted: &str, is_ambiguous| {
            assert_eq!(in_berlin(text), Ok((wanted.to_owned(), is_ambiguous)));
        };
        ok("2026-01-01 00:10", "2025-12-31T23:10:00+00:00", false);
        ok("2026-07-15 14:00", "2026-07-15T12:00:00+00:00", false);
        ok("2026-10-25 02:30", "2026-10-25T00:30:00+00:00", true);
        let refused = in_berlin("2026-03-29 02:30").unwrap_err();
        assert!(
            refused.contains("did not exist in Europe/Berlin"),
            "{refused}"
        );
    }

    #[test]
    fn a_day_begins_even_where_midnight_is_skipped() {
        let start = |name, date: &str| zone(name).start_of(date.parse().unwrap()).to_rfc3339();
        assert_eq!(
            start("Europe/Berlin", "2026-05-04"),
            "2026-05-03T22:00:00+00:00"
        );
        assert_eq!(
            start("Africa/Cairo", "2026-04-24"),
            "2026-04-23T22:00:00+00:00"
        );
        // Samoa skipped a day when it crossed the date line.
        assert_eq!(
            start("Pacific/Apia", "2011-12-30"),
            "2011-12-30T10:00:00+00:00"
        );
    }

    #[test]
    fn abbreviations_with_one_meaning_are_offsets() {
        let read = |name, stated: Option<&str>| {
            instant_of_abbreviation(local("2026-07-01 09:00"), name, stated.map(zone))
                .map(|time| time.format("%H:%M").to_string())
        };
        assert_eq!(read("CEST", None).as_deref(), Ok("07:00"));
        assert_eq!(read("PDT", None).as_deref(), Ok("16:00"));
        assert_eq!(read("utc", None).as_deref(), Ok("09:00"));
        for name in ["IST", "CST", "BST", "PST", "nonsense", ""] {
            assert!(
                read(name, None).unwrap_err().contains("--time-zone"),
                "{name}"
            );
        }
        assert_eq!(read("BST", Some("Europe/London")).as_deref(), Ok("08:00"));
        assert_eq!(read("IST", Some("Asia/Kolkata")).as_deref(), Ok("03:30"));
        assert!(read("IST", Some("Europe/London")).is_err());
        // The file outranks the option.
        assert_eq!(
            read("CEST", Some("America/New_York")).as_deref(),
            Ok("07:00")
        );
    }

    #[test]
    fn an_abbreviation_tells_the_two_instants_of_a_local_time_apart() {
        let read = |name| {
            let berlin = Some(zone("Europe/Berlin"));
            instant_of_abbreviation(local("2026-10-25 02:30"), name, berlin)
                .map(|time| time.format("%H:%M").to_string())
        };
        assert_eq!(read("CEST").as_deref(), Ok("00:30"));
        assert_eq!(read("CET").as_deref(), Ok("01:30"));
    }

    #[test]
    fn abbreviations_are_listed_once() {
        let mut names: Vec<_> = ABBREVIATIONS.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ABBREVIATIONS.len());
    }

    proptest! {
        /// An instant's local time is read as that instant, or as an earlier one that clocks showed
        /// alike.
        #[test]
        fn local_times_lead_back(
            seconds in 0_i64..4_000_000_000,
            name in prop::sample::select(vec![
                "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "UTC",
            ]),
        ) {
            let zone = zone(name);
            let time = DateTime::from_timestamp(seconds, 0).unwrap();
            let local = time.with_timezone(&zone.0).naive_local();
            let read = zone.instant(local).unwrap();
            prop_assert!(read.time == time || (read.is_ambiguous && read.time < time));
            prop_assert_eq!(read.time.with_timezone(&zone.0).naive_local(), local);
            prop_assert!(zone.start_of(local.date()) <= time);
        }
    }
}

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
    for name in ["IST", "CST", "BST", "PST", "EST", "nonsense", ""] {
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
fn an_abbreviation_of_a_stated_zone_is_known_in_the_other_half_of_the_year() {
    let read = |text, name, stated| {
        instant_of_abbreviation(local(text), name, Some(zone(stated)))
            .map(|time| time.format("%H:%M").to_string())
    };
    let new_york = "America/New_York";
    assert_eq!(
        read("2026-01-05 09:00", "EST", new_york).as_deref(),
        Ok("14:00")
    );
    assert_eq!(
        read("2026-07-01 09:00", "EST", new_york).as_deref(),
        Ok("14:00")
    );
    assert!(read("2026-07-01 09:00", "EST", "Europe/Berlin").is_err());
}

#[test]
fn moscow_time_has_the_offset_of_its_year() {
    let read = |text| {
        instant_of_abbreviation(local(text), "MSK", None)
            .map(|time| time.format("%H:%M").to_string())
    };
    assert_eq!(read("2010-01-15 12:00").as_deref(), Ok("09:00"));
    assert_eq!(read("2013-07-15 12:00").as_deref(), Ok("08:00"));
    assert_eq!(read("2026-07-15 12:00").as_deref(), Ok("09:00"));
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

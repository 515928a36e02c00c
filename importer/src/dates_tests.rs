use proptest::prelude::*;

use super::*;

fn reader(formats: &[&str], zone: Option<&str>) -> TimeReader {
    let formats: Vec<_> = formats.iter().map(|&format| format.to_owned()).collect();
    TimeReader::new(&formats, zone.map(|name| name.parse().unwrap())).unwrap()
}

fn read(formats: &[&str], zone: Option<&str>, text: &str) -> Result<String, String> {
    reader(formats, zone).read(text).map(|time| time.text)
}

#[test]
fn rfc3339_and_plain_dates_are_the_default() {
    let ok = |text, wanted: &str| assert_eq!(read(&[], None, text).as_deref(), Ok(wanted));
    ok("2026-01-31T23:30:00-05:00", "2026-02-01T04:30:00.000Z");
    ok("2026-01-31T23:30:00.123456Z", "2026-01-31T23:30:00.123Z");
    ok("2026-01-31", "2026-01-31");
    ok("2026-05-03 10:12:44 -0400", "2026-05-03T14:12:44.000Z");
    ok("2026-10-02T09:15:00+0200", "2026-10-02T07:15:00.000Z");
    for text in [
        "2026-02-30",
        "31/01/2026",
        "2026-01-31 10:00",
        "19970101",
        "",
    ] {
        let message = read(&[], None, text).unwrap_err();
        assert!(message.contains("--date-format"), "{text}: {message}");
    }
    let message = read(&[], None, "2026-01-31 10:00").unwrap_err();
    assert!(
        message.contains("has no offset from UTC; pass --time-zone"),
        "{message}"
    );
}

#[test]
fn times_without_an_offset_are_utc_and_dates_stay_dates() {
    let ok = |format, text, wanted: &str| {
        assert_eq!(read(&[format], None, text).as_deref(), Ok(wanted));
    };
    ok("%Y%m%d", "19970101", "1997-01-01");
    ok(
        "%d/%m/%Y %H:%M",
        "31/01/2026 09:05",
        "2026-01-31T09:05:00.000Z",
    );
    ok(
        "%d/%m/%Y %H:%M %z",
        "31/01/2026 09:05 +0200",
        "2026-01-31T07:05:00.000Z",
    );
    ok("%s", "852076800", "1997-01-01T00:00:00.000Z");
    ok("%d %b %Y", "1 Jan 1997", "1997-01-01");
    ok(
        "%m/%d/%Y %I:%M %p",
        "01/31/2026 01:05 PM",
        "2026-01-31T13:05:00.000Z",
    );
}

#[test]
fn a_zone_gives_local_times_and_dates_their_instant() {
    let ok = |formats: &[&str], text, wanted: &str| {
        let time = read(formats, Some("Europe/Berlin"), text);
        assert_eq!(time.as_deref(), Ok(wanted), "{text}");
    };
    ok(&[], "2026-01-01 00:10", "2025-12-31T23:10:00.000Z");
    ok(&[], "2026-07-15T14:00:05.5", "2026-07-15T12:00:05.500Z");
    ok(&[], "2026-07-15", "2026-07-14T22:00:00.000Z");
    ok(&[], "2026-07-15T14:00:00Z", "2026-07-15T14:00:00.000Z");
    ok(&["%d.%m.%Y"], "15.07.2026", "2026-07-14T22:00:00.000Z");
    ok(
        &["%d.%m.%Y %H:%M %z"],
        "15.07.2026 14:00 +0500",
        "2026-07-15T09:00:00.000Z",
    );
    ok(
        &["%Y-%m-%d %H:%M:%SZ"],
        "2026-07-15 14:00:00Z",
        "2026-07-15T14:00:00.000Z",
    );
    let refused = read(&[], Some("Europe/Berlin"), "2026-03-29 02:30").unwrap_err();
    assert!(refused.contains("did not exist"), "{refused}");
    let twice = reader(&[], Some("Europe/Berlin"))
        .read("2026-10-25 02:30")
        .unwrap();
    assert_eq!(twice.text, "2026-10-25T00:30:00.000Z");
    assert!(twice.is_ambiguous);
}

#[test]
fn the_zone_in_a_file_is_never_ignored() {
    let format = "%Y-%m-%d %H:%M:%S %Z";
    let ok = |text, wanted: &str| assert_eq!(read(&[format], None, text).as_deref(), Ok(wanted));
    ok("2026-07-01 09:00:00 PDT", "2026-07-01T16:00:00.000Z");
    ok("2026-07-01 09:00:00 CEST", "2026-07-01T07:00:00.000Z");
    ok("2026-07-01 09:00:00 UTC", "2026-07-01T09:00:00.000Z");
    for zone in ["IST", "CST", "BST", "nonsense"] {
        let text = format!("2026-07-01 09:00:00 {zone}");
        let message = read(&[format], None, &text).unwrap_err();
        assert!(
            message.contains(zone) && message.contains("--time-zone"),
            "{message}"
        );
    }
    // "Wed Jul 01 09:00:00 CEST 2026"
    let unix = "%a %b %d %H:%M:%S %Z %Y";
    assert_eq!(
        read(&[unix], None, "Wed Jul 01 09:00:00 CEST 2026").as_deref(),
        Ok("2026-07-01T07:00:00.000Z")
    );
}

#[test]
fn the_first_format_that_fits_is_used() {
    let formats = ["%d.%m.%Y %H:%M", "%d.%m.%Y"];
    assert_eq!(
        read(&formats, None, "31.01.2026 10:00").as_deref(),
        Ok("2026-01-31T10:00:00.000Z")
    );
    assert_eq!(
        read(&formats, None, "31.01.2026").as_deref(),
        Ok("2026-01-31")
    );
    let message = read(&formats, None, "2026-01-31").unwrap_err();
    assert!(message.contains("%d.%m.%Y %H:%M or %d.%m.%Y"), "{message}");
}

#[test]
fn impossible_dates_and_formats_are_errors_with_a_reason() {
    let message = |format, text| read(&[format], None, text).unwrap_err();
    assert_eq!(
        message("%Y%m%d", "19970230"),
        "is not a time in the format %Y%m%d: there is no such day or time"
    );
    assert_eq!(
        message("%d.%m.%Y", "2026-01-31"),
        "is not a time in the format %d.%m.%Y, as 31.01.2026 is"
    );
    for text in ["1997010", "19970101x", "soon", ""] {
        let message = message("%Y%m%d", text);
        assert!(!message.contains("input"), "{message}");
    }
    for text in ["46110.5", "46110"] {
        assert!(message("%Y-%m-%d", text).contains("spreadsheet"), "{text}");
        assert!(
            read(&[], None, text).unwrap_err().contains("spreadsheet"),
            "{text}"
        );
    }
    assert!(message("%s", "1769850300000").contains("year"));
    assert!(message("%Y-%m-%dT%H:%M:%S%#z", "soon").contains("%#z"));
    assert!(TimeReader::new(&["%Q".into()], None).is_err());
    assert!(TimeReader::new(&["%Z %Z".into()], None).is_err());
}

proptest! {
    /// Every instant that is written in a zone with its abbreviation or offset is read exactly.
    #[test]
    fn formatted_times_parse_back(seconds in 0_i64..4_000_000_000) {
        let berlin: chrono_tz::Tz = chrono_tz::Europe::Berlin;
        let time = DateTime::from_timestamp(seconds, 0).unwrap();
        let wanted = time.to_rfc3339_opts(SecondsFormat::Millis, true);
        for format in ["%Y-%m-%d %H:%M:%S %z", "%d.%m.%Y %H:%M:%S %Z", "%s"] {
            let text = time.with_timezone(&berlin).format(format).to_string();
            prop_assert_eq!(read(&[format], None, &text), Ok(wanted.clone()), "{}", text);
        }
        let text = time.with_timezone(&berlin).to_rfc3339();
        prop_assert_eq!(read(&[], Some("America/New_York"), &text), Ok(wanted));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,30}") {
        let _ = read(&[], Some("Europe/Berlin"), &text);
        let _ = read(&["%d.%m.%Y %H:%M %Z"], None, &text);
    }
}

#[test]
fn years_of_two_digits_are_refused_with_their_format() {
    let message = read(&["%d.%m.%Y"], None, "04.05.26").unwrap_err();
    assert_eq!(
        message,
        "has the year 26; if years have two digits, use %y in place of %Y in --date-format"
    );
    assert_eq!(
        read(&["%d.%m.%Y", "%d.%m.%y"], None, "04.05.26").as_deref(),
        Ok("2026-05-04")
    );
    assert!(read(&["%d.%m.%Y %H:%M"], None, "04.05.0999 10:00").is_err());
    assert!(
        read(&[], None, "0026-05-04")
            .unwrap_err()
            .contains("year 26")
    );
}

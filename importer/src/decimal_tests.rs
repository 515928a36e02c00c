use proptest::prelude::*;

use super::DecimalError::*;
use super::*;

const POINT: Option<DecimalSign> = Some(DecimalSign::Point);
const COMMA: Option<DecimalSign> = Some(DecimalSign::Comma);

#[test]
fn conversion_is_exact_for_every_exponent() {
    let ok = |text, exponent, wanted| {
        assert_eq!(minor_units(text, exponent, None), Ok(wanted), "{text}");
    };
    ok("11.77", 2, 1177);
    ok("12", 2, 1200);
    ok("12.5", 2, 1250);
    ok(" .5 ", 2, 50);
    ok("5.", 2, 500);
    ok("-0.01", 2, -1);
    ok("0.29", 2, 29);
    ok("1500", 0, 1500);
    ok("1.234", 3, 1234);
    ok("92233720368547758.07", 2, i64::MAX);
}

#[test]
fn amounts_that_are_not_plain_are_errors() {
    for text in [
        "", ".", "-", "1,234.50", "12,50", "1 000", "1e3", "$5", "+5", "--5", "٣", "５.00",
    ] {
        assert_eq!(minor_units(text, 2, None), Err(NotPlain), "{text}");
    }
    assert_eq!(minor_units("92233720368547758.08", 2, None), Err(TooLarge));
}

#[test]
fn zeros_beyond_the_decimals_count_unless_they_may_be_thousands() {
    assert_eq!(minor_units("59.9500", 2, None), Ok(5995));
    assert_eq!(minor_units("12.0", 0, None), Ok(12));
    assert_eq!(minor_units("12.00000", 2, None), Ok(1200));
    assert_eq!(minor_units("19.9950", 2, None), Err(TooManyDecimals(2)));
    assert_eq!(minor_units("11.777", 2, None), Err(TooManyDecimals(2)));
    assert_eq!(minor_units("11.770", 2, None), Err(Ambiguous));
    assert_eq!(minor_units("12.000", 2, None), Err(Ambiguous));
    assert_eq!(minor_units("12.000", 0, None), Err(Ambiguous));
    assert_eq!(minor_units("12.000", 2, POINT), Ok(1200));
    assert_eq!(minor_units("12.000", 2, COMMA), Ok(1_200_000));
}

#[test]
fn thousands_are_read_when_the_decimal_sign_is_stated() {
    for text in [
        "1.234,56",
        "1 234,56",
        "1\u{A0}234,56",
        "1\u{202F}234,56",
        "1'234,56",
        "1234,56",
    ] {
        assert_eq!(minor_units(text, 2, COMMA), Ok(123_456), "{text}");
    }
    assert_eq!(minor_units("1,234,567.5", 2, POINT), Ok(123_456_750));
    assert_eq!(minor_units("12,34,567.50", 2, POINT), Ok(123_456_750));
    assert_eq!(minor_units("-5,00", 2, COMMA), Ok(-500));
    for text in [
        "1.23,00",
        "1.2345,00",
        "1234.567,00",
        "1.234 567,00",
        ".234,00",
        "1..234",
        "1,2,3",
        "1,234.56",
        "1.234,56 €",
    ] {
        let error = minor_units(text, 2, COMMA);
        assert_eq!(error, Err(NotDecimal(DecimalSign::Comma)), "{text}");
    }
}

#[test]
fn a_group_of_thousands_does_not_begin_with_zero() {
    for (text, stated) in [
        ("0,500", DecimalSign::Point),
        ("0.500", DecimalSign::Comma),
        ("00.125", DecimalSign::Comma),
        ("-0.125", DecimalSign::Comma),
    ] {
        let error = minor_units(text, 2, Some(stated));
        assert_eq!(error, Err(NotDecimal(stated)), "{text}");
    }
    assert_eq!(minor_units("0.500", 2, POINT), Ok(50));
    assert_eq!(minor_units("0,50", 2, COMMA), Ok(50));
}

#[test]
fn minor_units_are_whole() {
    assert_eq!(whole_minor_units("0042", None), Ok(42));
    assert_eq!(whole_minor_units("1.177", COMMA), Ok(1177));
    for text in ["1.0", "1.", "x", "", "1,177"] {
        assert_eq!(whole_minor_units(text, None), Err(NotWhole), "{text}");
    }
}

/// Formats minor units with this grouping character and decimal sign.
fn format(value: i64, exponent: u16, group: &str, sign: DecimalSign) -> String {
    let unit = 10_i64.pow(exponent.into());
    let whole = (value / unit).to_string();
    let groups: Vec<_> = whole.as_bytes().rchunks(3).rev().collect();
    let groups: Vec<_> = groups
        .iter()
        .map(|part| str::from_utf8(part).unwrap())
        .collect();
    let whole = groups.join(group);
    match exponent {
        0 => whole,
        _ => format!(
            "{whole}{}{:0width$}",
            sign.character(),
            value % unit,
            width = exponent.into()
        ),
    }
}

proptest! {
    #[test]
    fn formatted_amounts_parse_back(
        value in 0..i64::MAX,
        exponent in 0_u16..5,
        zeros in prop::sample::select(vec!["", "0", "00"]),
        stated in prop::sample::select(vec![None, POINT]),
    ) {
        let mut text = format(value, exponent, "", DecimalSign::Point);
        if exponent > 0 && usize::from(exponent) + zeros.len() != 3 {
            text += zeros;
        }
        prop_assert_eq!(minor_units(&text, exponent, stated), Ok(value));
    }

    #[test]
    fn grouped_amounts_parse_back_in_the_stated_form_only(
        value in 0..i64::MAX,
        exponent in 0_u16..5,
        group in prop::sample::select(vec!["", ".", " ", "'", "\u{A0}", "\u{202F}"]),
    ) {
        let text = format(value, exponent, group, DecimalSign::Comma);
        prop_assert_eq!(minor_units(&text, exponent, COMMA), Ok(value));
        // Unstated, a comma or a separator is never guessed to mean something.
        if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            prop_assert!(minor_units(&text, exponent, None).is_err());
        }
    }

    #[test]
    fn no_text_is_read_as_two_amounts(text in "[0-9., ]{1,12}") {
        // What is taken without a stated sign means the same with a stated point.
        if let Ok(value) = minor_units(&text, 2, None) {
            prop_assert_eq!(minor_units(&text, 2, POINT), Ok(value));
        }
    }
}

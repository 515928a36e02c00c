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
    let consent = |text| write(FieldKind::Consent, text);
    assert_eq!(consent("2026-01-02 08:00:00").as_deref(), Ok("true"));
    let negated = write(FieldKind::NegatedConsent, "2026-01-02");
    assert_eq!(negated.as_deref(), Ok("false"));
    assert!(consent("2026-13-02").is_err());
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
    for missing in ["N/A", "none", "\\N", "(blank)", "-", "#na"] {
        assert!(write(FieldKind::Id, missing).is_err(), "{missing}");
        assert!(write(FieldKind::Phone, missing).is_err(), "{missing}");
    }
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
fn numbers_have_the_stated_decimal_sign() {
    let write = |text: &str, decimal: Option<&str>| {
        let options = serde_json::json!({ "decimal": decimal });
        let options = ImportOptions {
            decimal: serde_json::from_value(options["decimal"].clone()).unwrap(),
            ..ImportOptions::default()
        };
        let mut out = Vec::new();
        ValueReader::new(&options).unwrap().write(
            FieldKind::Number,
            text,
            Decimals::Minor,
            &mut out,
        )?;
        Ok::<_, String>(String::from_utf8(out).unwrap())
    };
    assert_eq!(write("12,5", Some("comma")).as_deref(), Ok("12.5"));
    assert_eq!(write("-1.234,50", Some("comma")).as_deref(), Ok("-1234.50"));
    assert_eq!(write(",5", Some("comma")).as_deref(), Ok("0.5"));
    assert_eq!(write("1,234.5", Some("point")).as_deref(), Ok("1234.5"));
    assert_eq!(write("1e5", Some("point")).as_deref(), Ok("1e5"));
    assert_eq!(write("1e5", None).as_deref(), Ok("1e5"));
    assert!(write("1.5", Some("comma")).is_err());
    assert!(write("7,", Some("comma")).is_ok());
    assert_eq!(
        write("12,5", None).unwrap_err(),
        "is not a number; --decimal comma reads it as 12.5"
    );
    assert_eq!(write("x", None).unwrap_err(), "is not a number");
}

#[test]
fn the_formula_by_which_spreadsheets_keep_text_is_unwrapped() {
    let reader = ValueReader::new(&ImportOptions::default()).unwrap();
    assert_eq!(reader.clean(FieldKind::Id, "=\"1001\""), "1001");
    assert_eq!(reader.clean(FieldKind::Phone, " =\"+4620\" "), "+4620");
    assert_eq!(reader.clean(FieldKind::Text, "=\"01067\""), "01067");
    assert_eq!(
        reader.clean(FieldKind::Text, "=\"a\"&\"b\""),
        "=\"a\"&\"b\""
    );
    assert_eq!(reader.take_notes().text_marks, 3);
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

use DecimalSign::{Comma, Point};

use super::*;

fn usd(text: &str, stated: Option<DecimalSign>) -> Result<i64, String> {
    amount(text, Decimals::stated("usd").unwrap(), stated)
}

fn of_line(text: &str, code: &str, stated: DecimalSign) -> Result<i64, String> {
    amount(text, Decimals::of_line(code).unwrap(), Some(stated))
}

#[test]
fn amounts_written_for_people_are_read_when_the_decimal_sign_is_stated() {
    for text in [
        "$12.50",
        "$ 12.50",
        "12.50 $",
        "US$12.50",
        "12.50 USD",
        "usd 12.50",
        "12.5",
    ] {
        assert_eq!(usd(text, Some(Point)), Ok(1250), "{text}");
    }
    for text in ["12,50 €", "€12,50", "12,50\u{A0}€", "EUR 12,50", "12,5"] {
        assert_eq!(of_line(text, "EUR", Comma), Ok(1250), "{text}");
    }
    for text in [
        "(5.00)", "($5.00)", "$(5.00)", "-$5.00", "$-5.00", "5.00-", "- 5.00", "−5.00",
    ] {
        let wanted = if text == "$(5.00)" { None } else { Some(-500) };
        assert_eq!(usd(text, Some(Point)).ok(), wanted, "{text}");
    }
    assert_eq!(of_line("1.234,56 €", "eur", Comma), Ok(123_456));
    assert_eq!(of_line("kr. 1.234,50", "DKK", Comma), Ok(123_450));
    assert_eq!(of_line("Rs.50", "INR", Point), Ok(5000));
    assert_eq!(of_line("$.50", "USD", Point), Ok(50));
    assert_eq!(of_line("¥1,500", "JPY", Point), Ok(1500));
    assert_eq!(amount("1.177", Decimals::Minor, Some(Comma)), Ok(1177));
}

#[test]
fn other_texts_stay_refused() {
    for text in [
        "(-5.00)",
        "--5",
        "5.00 per month",
        "$5 $6",
        "five",
        "",
        "$",
        "５.00",
        "1e3",
        "+5",
        "5 kg",
        "3 Stk",
    ] {
        assert!(usd(text, Some(Point)).is_err(), "{text}");
    }
}

#[test]
fn a_sign_must_agree_with_the_currency_of_the_line() {
    let refused = of_line("12,50 €", "USD", Comma).unwrap_err();
    assert_eq!(refused, "has the sign €, but the line's currency is USD");
    for (sign, code) in [
        ("C$", "CAD"),
        ("CA$", "CAD"),
        ("$", "MXN"),
        ("HK$", "HKD"),
        ("Fr.", "CHF"),
    ] {
        assert_eq!(
            of_line(&format!("{sign} 5"), code, Point),
            Ok(500),
            "{sign}"
        );
    }
    assert!(of_line("US$5", "CAD", Point).is_err());
    assert!(of_line("£5", "USD", Point).is_err());
    assert_eq!(
        usd("12,50 €", Some(Comma)),
        Ok(1250),
        "the stated currency outranks the sign"
    );
}

#[test]
fn a_refusal_names_the_option_that_reads_the_amount() {
    let message = |text| usd(text, None).unwrap_err();
    assert_eq!(
        message("12,5"),
        "is not a plain decimal number such as 1234.50; --decimal comma reads it as 12.50"
    );
    assert_eq!(
        message("12.000"),
        "has three decimals, which may be thousands; --decimal point reads it as 12.00, \
         --decimal comma reads it as 12000.00"
    );
    assert!(message("$1,234.56").ends_with("; --decimal point reads it as 1234.56"));
    assert!(message("-5,00").ends_with("; --decimal comma reads it as -5.00"));
    assert!(message("(0.05)").ends_with("; --decimal point reads it as -0.05"));
    assert_eq!(
        message("ten"),
        "is not a plain decimal number such as 1234.50"
    );
    let other = usd("1,234.56", Some(Comma)).unwrap_err();
    assert_eq!(
        other,
        "is not an amount such as 1.234,50; --decimal point reads it as 1234.56"
    );
}

#[test]
fn currency_codes_have_any_case() {
    assert_eq!(currency("usd"), Ok(Currency::USD));
    assert_eq!(currency(" Eur "), Ok(Currency::EUR));
    assert!(currency("dollars").is_err());
    assert!(Decimals::stated("XAU").unwrap_err().contains("minor unit"));
}

#[test]
fn a_hint_does_not_read_a_leading_zero_as_thousands() {
    let message = amount("0,500", Decimals::stated("USD").unwrap(), None).unwrap_err();
    assert!(
        message.ends_with("; --decimal comma reads it as 0.50"),
        "{message}"
    );
}

//! Amounts of money as people write them.

use domain::Currency;

/// Signs and words for money, and the currencies that they may mean.
const SIGNS: [(&[&str], &[&str]); 6] = [
    (
        &["₹", "rs", "rupee", "rupees"],
        &["INR", "PKR", "LKR", "NPR", "MUR", "SCR"],
    ),
    (
        &["$", "dollar", "dollars"],
        &["USD", "AUD", "CAD", "SGD", "HKD", "NZD", "TWD"],
    ),
    (&["€", "euro", "euros"], &["EUR"]),
    (&["£", "pound", "pounds"], &["GBP", "EGP"]),
    (&["¥", "yen"], &["JPY"]),
    (&["¥", "yuan", "renminbi"], &["CNY"]),
];

/// Codes of currencies that are also common English words.
const WORDS: [&str; 6] = ["all", "top", "try", "mad", "cup", "gel"];

/// Returns whether a folded word or sign means any currency.
pub(crate) fn is_money(word: &str) -> bool {
    if WORDS.contains(&word) {
        return false;
    }
    SIGNS.iter().any(|(signs, _)| signs.contains(&word))
        || Currency::try_from(word.to_ascii_uppercase().as_str()).is_ok()
}

/// Returns whether a word or sign means this currency.
pub(crate) fn means(word: &str, currency: Currency) -> bool {
    let code = currency.code();
    let fits = |(signs, codes): &(&[&str], &[&str])| signs.contains(&word) && codes.contains(&code);
    word.eq_ignore_ascii_case(code) || SIGNS.iter().any(fits)
}

/// Formats minor units for people: `₹10,000.00`, or `KWD 10.000` for a currency
/// without a common sign.
pub(crate) fn written(currency: Currency, minor: i64) -> String {
    let major = currency.major(minor);
    let (whole, rest) = match major.split_once('.') {
        Some((whole, rest)) => (whole, format!(".{rest}")),
        None => (major.as_str(), String::new()),
    };
    let (minus, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let sign = match currency.code() {
        "INR" => "₹",
        "USD" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        code => return format!("{code} {minus}{}{rest}", grouped(digits)),
    };
    format!("{minus}{sign}{}{rest}", grouped(digits))
}

/// Formats digits in groups of three.
pub(crate) fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_formatted_by_currency() {
        let of = |code, minor| written(Currency::try_from(code).unwrap(), minor);
        assert_eq!(of("INR", 840_000), "₹8,400.00");
        assert_eq!(of("INR", -123_456_789), "-₹1,234,567.89");
        assert_eq!(of("JPY", 1_000), "¥1,000");
        assert_eq!(of("KWD", 1_200), "KWD 1.200");
        assert_eq!(of("USD", 5), "$0.05");
    }

    #[test]
    fn a_sign_means_the_currencies_that_use_it() {
        let inr = Currency::try_from("INR").unwrap();
        for word in ["₹", "rs", "rupees", "inr"] {
            assert!(means(word, inr) && is_money(word), "{word}");
        }
        for word in ["$", "euros", "usd", "gbp"] {
            assert!(!means(word, inr) && is_money(word), "{word}");
        }
        assert!(!is_money("visits"));
    }
}

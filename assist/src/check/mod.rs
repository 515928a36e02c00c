//! Check of a text's numbers against a campaign's figures.

mod spelled;
mod spotted;

use crate::CampaignFigures;
use crate::decimal::Decimal;
use spotted::{NumberInText, Unit, find_numbers};

/// Error for a text with numbers that are not the campaign's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these numbers are not the campaign's: {}", .numbers.join(", "))]
pub struct ForeignNumbers {
    /// Numbers as they are written in the text.
    pub numbers: Vec<String>,
}

/// Checks that all numbers of a text are figures of the campaign. Different notations
/// are accepted: `1,140` or `1140`, `95%` or `95.1 percent`, `₹10,000` or `10k rupees`,
/// "twelve". Numbers that cannot be parsed with certainty are rejected: digits within
/// words, digits of other scripts, fractions.
///
/// The campaign's own name may contain any numbers.
///
/// # Errors
/// [`ForeignNumbers`] with all numbers that are not figures of the campaign.
pub fn numbers(text: &str, figures: &CampaignFigures) -> Result<(), ForeignNumbers> {
    let text = without_name(text, &figures.name);
    let foreign = find_numbers(&text)
        .into_iter()
        .filter(|found| !is_ours(found, figures));
    let numbers: Vec<String> = foreign.map(|found| found.text).collect();
    match numbers.is_empty() {
        true => Ok(()),
        false => Err(ForeignNumbers { numbers }),
    }
}

/// Replaces the campaign's name in the text, unless it is part of a longer word.
fn without_name(text: &str, name: &str) -> String {
    // A name of digits alone would exempt every number that contains it.
    let is_name = name.chars().filter(|c| c.is_alphabetic()).count() >= 3;
    if !is_name {
        return text.to_owned();
    }
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once(name) {
        let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let is_alone = !touches(before.chars().next_back()) && !touches(after.chars().next());
        kept.push_str(before);
        kept.push_str(if is_alone { " _ " } else { name });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

fn is_ours(found: &NumberInText, figures: &CampaignFigures) -> bool {
    let Some(number) = found.number else {
        return false;
    };
    match found.unit {
        Unit::Percent => is_rate(number, figures),
        // A number without a unit may be a count, or an amount in the store's currency.
        Unit::None => is_count(number, figures) || is_amount(number, figures),
        Unit::Money(ref word) => {
            crate::money::means(word, figures.currency) && is_amount(number, figures)
        }
    }
}

fn is_count(number: Decimal, figures: &CampaignFigures) -> bool {
    let whole = number.whole().and_then(|whole| u64::try_from(whole).ok());
    whole.is_some_and(|whole| figures.counts().contains(&whole))
}

fn is_amount(number: Decimal, figures: &CampaignFigures) -> bool {
    let exponent = figures.currency.exponent().unwrap_or_default();
    let minor = number.in_units(exponent.into());
    minor.is_some_and(|minor| figures.amounts().contains(&minor))
}

/// Returns whether the number is a rate, rounded to as many decimals as it was written
/// with, at most two.
fn is_rate(number: Decimal, figures: &CampaignFigures) -> bool {
    let places = number.places();
    let written = number.in_units(places).and_then(|n| u128::try_from(n).ok());
    let is_same = |percent: Option<u128>| percent.is_some() && percent == written;
    places <= 2
        && figures
            .rates()
            .iter()
            .any(|rate| is_same(rate.percent(places)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bracket;
    use domain::Currency;

    fn figures() -> CampaignFigures {
        CampaignFigures {
            name: "Diwali 2026 (50% off)".to_owned(),
            currency: Currency::try_from("INR").unwrap(),
            audience: 1_300,
            sent: 1_284,
            delivered: 1_140,
            failed: 144,
            suppressed: 16,
            pending: 0,
            brackets: vec![Bracket {
                above: Some(1_000_000),
                up_to: None,
                sent: 200,
                delivered: 190,
            }],
        }
    }

    #[test]
    fn figures_are_accepted_in_all_notations() {
        for text in [
            "no numbers at all",
            "Reached 1,284 customers, 1140 delivered.",
            "1,140 of 1,284 (88.8%, or 89 percent; 88.79 per cent)",
            "customers above ₹10,000 had 95% delivery",
            "customers above Rs. 10,000.00, 10k rupees, INR 10000 or ten thousand rupees: 95.0%",
            "Diwali 2026 (50% off) was sent to 1,284.",
            "one thousand two hundred and eighty-four were sent, sixteen suppressed",
            "ninety-five percent, zero pending",
        ] {
            assert_eq!(numbers(text, &figures()), Ok(()), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_rejected() {
        for (text, expected) in [
            ("1,285 customers", vec!["1,285"]),
            ("96% delivery", vec!["96%"]),
            ("89.8%", vec!["89.8%"]),
            ("1.140 delivered", vec!["1.140"]),
            ("$10,000", vec!["$10,000"]),
            ("₹1,284", vec!["₹1,284"]),
            ("1284%", vec!["1284%"]),
            ("-16", vec!["-16"]),
            ("half of them", vec!["half"]),
            ("twice as many, two thirds", vec!["twice", "two", "thirds"]),
            ("twelve, and thousands more", vec!["twelve", "thousands"]),
            ("in 2026", vec!["2026"]),
            ("١٦ customers", vec!["١٦"]),
            ("16th, Q16, 16x, 1.6e1", vec!["16th", "Q16", "16x", "1.6e1"]),
            ("½ and ² and 十", vec!["½", "²", "十"]),
            ("16 million, 1284k", vec!["16 million", "1284k"]),
            ("one hundred percent", vec!["one hundred percent"]),
            ("1,140,1,284", vec!["1,140,1,284"]),
            ("Diwali 2027 (50% off)", vec!["2027", "50%"]),
            ("1 284", vec!["1", "284"]),
        ] {
            let refused = numbers(text, &figures()).unwrap_err();
            assert_eq!(refused.numbers, expected, "{text}");
        }
    }

    #[test]
    fn a_name_of_digits_exempts_no_numbers() {
        let figures = CampaignFigures {
            name: "7".to_owned(),
            ..figures()
        };
        assert!(numbers("97 delivered, 7", &figures).is_err());
    }
}

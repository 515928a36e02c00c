//! Prose about a campaign with placeholders for its figures.

use std::collections::BTreeMap;

use domain::rules::fold_case;

use crate::CampaignResults;
use crate::money::is_money;

/// Numbers below twenty.
#[rustfmt::skip]
const SMALL: [&str; 20] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
];

const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// Other words for quantities.
#[rustfmt::skip]
const QUANTITIES: &[&str] = &[
    "hundred", "hundreds", "thousand", "thousands", "lakh", "lakhs", "lac", "crore", "crores",
    "million", "millions", "billion", "billions", "trillion", "tens", "dozen", "dozens", "half",
    "halves", "third", "thirds", "quarter", "quarters", "fifth", "fifths", "eighth", "eighths",
    "ninth", "ninths", "twelfth", "twice", "thrice", "double", "doubled", "triple",
    "tripled", "quadruple", "quadrupled", "couple", "pair", "percent", "percentage",
];

/// Reason why prose is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProseError {
    /// The prose has numbers of its own.
    #[error("write no numbers, in digits or words, but placeholders for figures: {}", .0.join(", "))]
    Numbers(Vec<String>),
    /// The prose has placeholders that do not exist.
    #[error("unknown placeholder {unknown:?}, expected one of {}", .known.join(", "))]
    Placeholder {
        /// Name of the placeholder.
        unknown: String,
        /// Names that exist.
        known: Vec<String>,
    },
    /// The text next to a placeholder would change its figure.
    #[error("put spaces or plain punctuation around {{{{{0}}}}}, and no unit")]
    Touched(String),
}

/// Part of prose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProsePart<'t> {
    /// Text of the author.
    Own(&'t str),
    /// Name of a figure.
    Placeholder(&'t str),
}

/// Splits prose at its placeholders.
pub(crate) fn parts(text: &str) -> Vec<ProsePart<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else {
            break;
        };
        parts.extend([ProsePart::Own(before), ProsePart::Placeholder(name.trim())]);
        rest = after;
    }
    parts.push(ProsePart::Own(rest));
    parts
}

/// Replaces the placeholders in prose by a campaign's figures, such as
/// `{{delivered_rate}}` by `89%`.
///
/// # Errors
/// [`ProseError`] if the prose has numbers of its own, or a placeholder that does not
/// exist or whose neighboring text would change its figure.
pub fn fill(text: &str, figures: &CampaignResults) -> Result<String, ProseError> {
    let parts = parts(text);
    let numbers: Vec<String> = parts.iter().flat_map(|part| numbers(*part)).collect();
    if !numbers.is_empty() {
        return Err(ProseError::Numbers(numbers));
    }
    let written = figures.written();
    let mut filled = String::new();
    for (at, part) in parts.iter().enumerate() {
        let name = match *part {
            ProsePart::Own(words) => {
                filled.push_str(words);
                continue;
            }
            ProsePart::Placeholder(name) => name,
        };
        filled.push_str(figure(name, &written)?);
        let is_last = at + 2 == parts.len();
        let (before, after) = (own(&parts, at.wrapping_sub(1)), own(&parts, at + 1));
        if !may_precede(before, at == 1) || !may_follow(after, is_last) {
            return Err(ProseError::Touched(name.to_owned()));
        }
    }
    Ok(filled)
}

fn own<'t>(parts: &[ProsePart<'t>], at: usize) -> &'t str {
    match parts.get(at) {
        Some(ProsePart::Own(words)) => words,
        _ => "",
    }
}

fn figure<'w>(name: &str, written: &'w BTreeMap<String, String>) -> Result<&'w str, ProseError> {
    let figure = written.get(name).map(String::as_str);
    figure.ok_or_else(|| ProseError::Placeholder {
        unknown: name.to_owned(),
        known: written.keys().cloned().collect(),
    })
}

/// Returns all numbers in an author's words.
fn numbers(part: ProsePart<'_>) -> Vec<String> {
    let ProsePart::Own(words) = part else {
        return Vec::new();
    };
    let words = words.split(|c: char| !c.is_alphanumeric());
    let found = words.filter(|word| {
        // A digit may be part of a word: `16th`, `Q4`.
        word.contains(is_digit) || is_number(&fold_case(word))
    });
    found.map(str::to_owned).collect()
}

/// Returns whether a character is a digit of any script, or an ideograph for a
/// number.
fn is_digit(c: char) -> bool {
    c.is_numeric() || "〇零一二三四五六七八九十百千万亿億兩两".contains(c)
}

fn is_number(word: &str) -> bool {
    let is_plain = |word: &str| {
        let is_small = |rest: &str| rest.is_empty() || SMALL.contains(&rest);
        let mut rests = TENS.iter().filter_map(|tens| word.strip_prefix(*tens));
        SMALL.contains(&word) || QUANTITIES.contains(&word) || rests.any(is_small)
    };
    let suffixes = ["fold", "th", "ths"];
    let mut stems = suffixes.iter().filter_map(|end| word.strip_suffix(*end));
    // `twentieth` is `twenty` with another ending.
    let is_tenth = |end: &str| {
        word.strip_suffix(end)
            .is_some_and(|stem| is_plain(&format!("{stem}y")))
    };
    is_plain(word) || stems.any(is_plain) || is_tenth("ieth") || is_tenth("ieths")
}

/// Returns whether a placeholder may stand after these words. Two placeholders
/// next to each other would look like one number.
fn may_precede(words: &str, is_first: bool) -> bool {
    let last_word = words.split_whitespace().next_back().unwrap_or_default();
    let is_unit = is_money(&fold_case(last_word.trim_end_matches('.')));
    let is_unit = is_unit || matches!(last_word, "-" | "−" | "+");
    let opens = |c: char| c.is_whitespace() || "([\"'“‘—–".contains(c);
    match words.chars().next_back() {
        None => is_first,
        Some(c) => opens(c) && !is_unit && (is_first || !words.trim().is_empty()),
    }
}

/// Returns whether these words may stand after a placeholder.
fn may_follow(words: &str, is_last: bool) -> bool {
    let next = words.trim_start();
    let next_word = next.split(|c: char| !c.is_alphabetic()).next();
    let next_word = fold_case(next_word.unwrap_or_default());
    let is_sign = |c: char| "%٪％".contains(c) || is_money(c.encode_utf8(&mut [0; 4]));
    let is_unit = next_word == "per" || is_money(&next_word) || next.starts_with(is_sign);
    let closes = |c: char| ".,;:!?)]\"'”’—–".contains(c);
    let after = words.trim_start_matches(closes);
    let is_apart = after.len() < words.len() && !words.starts_with(['.', ',', ':']);
    match words.chars().next() {
        None => is_last,
        Some(c) if c.is_whitespace() => !is_unit,
        Some(c) => {
            closes(c) && (is_apart || after.is_empty() || after.starts_with(char::is_whitespace))
        }
    }
}

//! Numbers in digits and words.

use super::words::{TokenCursor, TokenKind};
use crate::decimal::Decimal;

/// Words for the numbers from one to twenty.
const WORDS: [&str; 20] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];

/// Words and letters that multiply a number. Single letters count only directly after
/// it.
const SCALES: [(&[&str], i64); 6] = [
    (&["hundred"], 100),
    (&["thousand", "k"], 1_000),
    (&["lakh", "lakhs", "lac", "lacs", "l"], 100_000),
    (&["million", "mn", "m"], 1_000_000),
    (&["crore", "crores", "cr"], 10_000_000),
    (&["billion", "bn"], 1_000_000_000),
];

/// Reads a number: `10,000`, `2.5 lakh`, `10k`, `five`, `a thousand`.
pub(super) fn number(cursor: &mut TokenCursor<'_>) -> Option<Decimal> {
    let mut ahead = *cursor;
    let is_article = ahead.take_any(&["a", "an"]);
    let number = match ahead.peek()? {
        _ if is_article => Decimal::of(1),
        TokenKind::Number(text) => {
            ahead.next();
            Decimal::parse(text)?
        }
        TokenKind::Word(word) => {
            let index = WORDS.iter().position(|number| number == word)?;
            ahead.next();
            Decimal::of(index as i64 + 1)
        }
        _ => return None,
    };
    let scaled = match scale(&mut ahead) {
        Some(scale) => number.times(scale)?,
        None if is_article => return None,
        None => number,
    };
    *cursor = ahead;
    Some(scaled)
}

/// Returns whether a word is a number.
pub(super) fn is_number(word: &str) -> bool {
    WORDS.contains(&word)
}

fn scale(cursor: &mut TokenCursor<'_>) -> Option<i64> {
    let word = cursor.word()?;
    let is_joined = cursor.is_joined();
    let fits = |(words, _): &&(&[&str], i64)| words.contains(&word);
    let (_, scale) = SCALES.iter().find(fits)?;
    (is_joined || word.len() > 1).then(|| cursor.next());
    (is_joined || word.len() > 1).then_some(*scale)
}

#[cfg(test)]
mod tests {
    use super::super::words::tokens;
    use super::*;

    fn read(text: &str) -> Option<Decimal> {
        let tokens = tokens(text);
        let mut cursor = TokenCursor::new(&tokens, 0);
        let number = number(&mut cursor)?;
        cursor.peek().is_none().then_some(number)
    }

    #[test]
    fn numbers_are_exact() {
        for (text, cents) in [
            ("10,000", 1_000_000),
            ("1,00,000", 10_000_000),
            ("12,34,567.8", 123_456_780),
            ("10k", 1_000_000),
            ("2.5 lakh", 25_000_000),
            ("1.234k", 123_400),
            ("1 crore", 1_000_000_000),
            ("5L", 50_000_000),
            ("five thousand", 500_000),
            ("a hundred", 10_000),
            ("0.01", 1),
            ("twenty", 2_000),
        ] {
            assert_eq!(read(text).unwrap().in_units(2), Some(cents), "{text}");
        }
    }

    #[test]
    fn ambiguous_numbers_are_not_read() {
        for text in [
            "10,00",
            "1,2",
            "1.000,00",
            "1.2.3",
            "10 k",
            "a",
            "1e9",
            "99999999999999999999",
            "5 l",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("0.001").unwrap().in_units(2), None);
        assert_eq!(read("10.000").unwrap().in_units(2), None);
        assert_eq!(read("2.5").unwrap().whole(), None);
    }
}

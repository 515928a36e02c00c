//! Search for all numbers in a text, including everything that could be read as one.

use super::spelled::{scale, spelled};
use crate::decimal::Decimal;
use crate::money::is_money;

/// Number found in a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NumberInText {
    /// Number as it is written, with its unit.
    pub(super) text: String,
    /// Value of the number; `None` if it cannot be parsed with certainty.
    pub(super) number: Option<Decimal>,
    pub(super) unit: Unit,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Unit {
    None,
    Percent,
    /// Amount of money, with its sign or word, folded.
    Money(String),
}

/// Piece of a text: a word, a sign or a space.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// Contiguous letters and digits: `1,284`, `16th`, `ninety`.
    Word(String),
    Sign(char),
    Space,
}

/// Finds all numbers of a text, in digits and in words.
pub(super) fn find_numbers(text: &str) -> Vec<NumberInText> {
    let pieces = pieces(text);
    let mut spotted = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let (found, end) = number_at(&pieces, at);
        spotted.extend(found);
        at = end.max(at + 1);
    }
    spotted
}

fn pieces(text: &str) -> Vec<Piece> {
    let chars: Vec<char> = text.chars().collect();
    let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut is_open = false;
    for (at, c) in chars.iter().enumerate() {
        let joins = matches!(c, '.' | ',') && at > 0 && digit(at - 1) && digit(at + 1);
        let is_inside = c.is_alphanumeric() || joins;
        match pieces.last_mut() {
            Some(Piece::Word(word)) if is_inside && is_open => word.push(*c),
            _ if is_inside => pieces.push(Piece::Word(c.to_string())),
            _ if c.is_whitespace() => pieces.push(Piece::Space),
            _ => pieces.push(Piece::Sign(*c)),
        }
        is_open = is_inside;
    }
    pieces
}

/// Returns the number that begins here, if any, and the index after it.
fn number_at(pieces: &[Piece], at: usize) -> (Option<NumberInText>, usize) {
    let Some(Piece::Word(word)) = pieces.get(at) else {
        return (None, at + 1);
    };
    let (number, end) = match () {
        () if word.chars().any(is_digit) => digits(word, pieces, at),
        () => match spelled(&words(pieces, at)) {
            Some((number, length)) => (number, end_of(pieces, at, length)),
            None => return (None, at + 1),
        },
    };
    let (unit, start, end) = unit(pieces, at, end);
    let is_negative = start > 0 && is_minus(pieces, start - 1);
    let first = if is_negative { start - 1 } else { start };
    let number = number.filter(|_| !is_negative);
    let text = shown(&pieces[first..end]);
    (Some(NumberInText { text, number, unit }), end)
}

/// Returns whether a character is a digit of any script, or an ideograph for a number.
fn is_digit(c: char) -> bool {
    c.is_numeric() || "〇零一二三四五六七八九十百千万亿億兩两".contains(c)
}

fn digits(word: &str, pieces: &[Piece], at: usize) -> (Option<Decimal>, usize) {
    let split = word.find(|c: char| c.is_alphabetic()).unwrap_or(word.len());
    let (plain, suffix) = word.split_at(split);
    let number = Decimal::parse(plain).filter(|_| plain.starts_with(|c: char| c.is_ascii_digit()));
    let number = match suffix {
        "" => number,
        suffix => number.and_then(|n| n.times(scale(&suffix.to_lowercase())?)),
    };
    let after: Vec<String> = words(pieces, at + 1);
    match after.first().and_then(|word| scale(word)) {
        Some(scale) if suffix.is_empty() && pieces.get(at + 1) == Some(&Piece::Space) => {
            let scaled = number.and_then(|number| number.times(scale));
            (scaled, at + 3)
        }
        _ => (number, at + 1),
    }
}

/// Returns the words from here on, as long as only spaces and hyphens separate them.
fn words(pieces: &[Piece], at: usize) -> Vec<String> {
    let rest = pieces.get(at..).unwrap_or_default();
    let near = rest.iter().take_while(|piece| match piece {
        Piece::Word(_) | Piece::Space => true,
        Piece::Sign(sign) => *sign == '-',
    });
    let words = near.filter_map(|piece| match piece {
        Piece::Word(word) => Some(word.to_lowercase()),
        _ => None,
    });
    words.take(24).collect()
}

/// Returns the index after `length` words.
fn end_of(pieces: &[Piece], at: usize, length: usize) -> usize {
    let is_word = |(_, piece): &(usize, &Piece)| matches!(piece, Piece::Word(_));
    let words = pieces.iter().enumerate().skip(at).filter(is_word);
    let last = words.take(length).last();
    last.map_or(at + 1, |(index, _)| index + 1)
}

/// Determines the unit of a number from the pieces before and after it. Returns the
/// unit and the range of pieces that number and unit take.
fn unit(pieces: &[Piece], at: usize, end: usize) -> (Unit, usize, usize) {
    let after = words_after(pieces, end);
    match (pieces.get(end), after.as_slice()) {
        (Some(Piece::Sign('%' | '٪' | '％')), _) => return (Unit::Percent, at, end + 1),
        (_, [(word, end), ..]) if word == "percent" => return (Unit::Percent, at, *end),
        (_, [(per, _), (cent, end), ..]) if per == "per" && cent == "cent" => {
            return (Unit::Percent, at, *end);
        }
        _ => {}
    }
    if let Some((word, start)) = money_before(pieces, at) {
        return (Unit::Money(word), start, end);
    }
    match (pieces.get(end), after.first()) {
        (Some(Piece::Sign(sign)), _) if is_money(&sign.to_string()) => {
            (Unit::Money(sign.to_string()), at, end + 1)
        }
        (_, Some((word, end))) if is_money(word) => (Unit::Money(word.clone()), at, *end),
        _ => (Unit::None, at, end),
    }
}

/// Returns the next two words, if only spaces precede them, each with the index after
/// it.
fn words_after(pieces: &[Piece], at: usize) -> Vec<(String, usize)> {
    let rest = pieces.iter().enumerate().skip(at);
    let near = rest.take_while(|(_, piece)| !matches!(piece, Piece::Sign(_)));
    let words = near.filter_map(|(index, piece)| match piece {
        Piece::Word(word) => Some((word.to_lowercase(), index + 1)),
        _ => None,
    });
    words.take(2).collect()
}

/// Returns the sign or word for money before a number, such as `₹`, `Rs. ` or `INR `,
/// and its index.
fn money_before(pieces: &[Piece], at: usize) -> Option<(String, usize)> {
    let before = |back: usize| at.checked_sub(back).and_then(|at| pieces.get(at));
    let skip = |back: usize| usize::from(before(back) == Some(&Piece::Space));
    let mut back = 1 + skip(1);
    if before(back) == Some(&Piece::Sign('.')) {
        back += 1;
    }
    match before(back)? {
        Piece::Sign(sign) if is_money(&sign.to_string()) => Some((sign.to_string(), at - back)),
        Piece::Word(word) => {
            let word = word.to_lowercase();
            is_money(&word).then(|| (word, at - back))
        }
        _ => None,
    }
}

/// Returns whether the piece is a plus or minus sign rather than a hyphen between words
/// or numbers.
fn is_minus(pieces: &[Piece], at: usize) -> bool {
    let is_first = at == 0 || !matches!(pieces.get(at - 1), Some(Piece::Word(_)));
    matches!(pieces.get(at), Some(Piece::Sign('-' | '−' | '+'))) && is_first
}

fn shown(pieces: &[Piece]) -> String {
    let shown = |piece: &Piece| match piece {
        Piece::Word(word) => word.clone(),
        Piece::Sign(sign) => sign.to_string(),
        Piece::Space => " ".to_owned(),
    };
    pieces.iter().map(shown).collect()
}

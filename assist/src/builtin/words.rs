//! A prompt as words.

use std::ops::Range;

use chrono::NaiveDate;
use domain::rules::{Moment, fold_case};

/// A word of the prompt, and which bytes of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) bytes: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A word without regard to case. `haven't` is two, `one-time` too.
    Word(String),
    /// Digits, with what groups them and a decimal point: `1,00,000.50`.
    Number(String),
    /// A whole day: `2026-03-01`.
    Date(NaiveDate),
    /// What stands in quotes.
    Quoted(String),
    /// `₹`, `%`, `+`, `>`, `-` …, and whatever is nothing else.
    Sign(char),
}

/// Cuts a prompt into words, one after the other.
pub(super) fn tokens(prompt: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = prompt[at..].chars().next() {
        let length = match c {
            c if c.is_whitespace() => c.len_utf8(),
            '0'..='9' => number_or_date(prompt, at, &mut tokens),
            c if c.is_alphabetic() => word(prompt, at, &mut tokens),
            '"' | '“' | '„' | '«' => quoted(prompt, at, &mut tokens),
            c => {
                push(&mut tokens, joint(prompt, at, c), at, c.len_utf8());
                c.len_utf8()
            }
        };
        at += length;
    }
    tokens
}

fn push(tokens: &mut Vec<Token>, kind: Option<Kind>, at: usize, length: usize) {
    let bytes = at..at + length;
    tokens.extend(kind.map(|kind| Token { kind, bytes }));
}

/// A sign; none where a hyphen only joins two words.
fn joint(prompt: &str, at: usize, sign: char) -> Option<Kind> {
    let before = prompt[..at].chars().next_back();
    let after = prompt[at + sign.len_utf8()..].chars().next();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let joins = match sign {
        '-' | '‑' => is_letter(before) && is_letter(after),
        _ => false,
    };
    let dash = matches!(sign, '‑' | '–' | '—');
    (!joins).then_some(Kind::Sign(if dash { '-' } else { sign }))
}

fn number_or_date(prompt: &str, at: usize, tokens: &mut Vec<Token>) -> usize {
    let rest = &prompt[at..];
    let is_inside = |c: char| c.is_ascii_digit() || matches!(c, '-' | 'T' | ':' | 'Z' | '.');
    let longest = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
    if let Some(Moment::Day(date)) = rest.get(..10.min(longest)).and_then(Moment::parse) {
        push(tokens, Some(Kind::Date(date)), at, 10);
        return 10;
    }
    let bytes = rest.as_bytes();
    let digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let mut length = 1;
    while digit(length) || (matches!(bytes.get(length), Some(b',' | b'.')) && digit(length + 1)) {
        length += 1;
    }
    let number = Kind::Number(rest[..length].to_owned());
    push(tokens, Some(number), at, length);
    length
}

fn word(prompt: &str, at: usize, tokens: &mut Vec<Token>) -> usize {
    let rest = &prompt[at..];
    let is_inside = |c: char| c.is_alphabetic() || matches!(c, '\'' | '’' | '_');
    let length = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
    let text = rest[..length].trim_end_matches(['\'', '’']);
    let folded = fold_case(text).replace('’', "'");
    for part in parts(&folded) {
        push(tokens, Some(Kind::Word(part.to_owned())), at, text.len());
    }
    length
}

/// What a contraction stands for.
fn parts(word: &str) -> Vec<&str> {
    let contracted = ["who", "they", "that", "customers", "people", "i"];
    let rest = |short: &str| word.strip_suffix(short).filter(|w| contracted.contains(w));
    match word {
        "haven't" | "havent" => vec!["have", "not"],
        "hasn't" | "hasnt" => vec!["has", "not"],
        "hadn't" => vec!["had", "not"],
        "don't" | "dont" => vec!["do", "not"],
        "doesn't" | "doesnt" => vec!["does", "not"],
        "didn't" | "didnt" => vec!["did", "not"],
        "isn't" => vec!["is", "not"],
        "aren't" => vec!["are", "not"],
        "who's" => vec!["who", "'s"],
        _ => match (rest("'ve"), rest("'re")) {
            (Some(who), _) => vec![who, "have"],
            (_, Some(who)) => vec![who, "are"],
            _ => vec![word],
        },
    }
}

/// What stands in quotes. Quotes that do not close are a sign.
fn quoted(prompt: &str, at: usize, tokens: &mut Vec<Token>) -> usize {
    let mut chars = prompt[at..].char_indices();
    let open = chars.next().map_or('"', |(_, c)| c);
    let closes = |c: char| match open {
        '"' => c == '"',
        '«' => c == '»',
        _ => matches!(c, '”' | '“' | '"'),
    };
    let start = at + open.len_utf8();
    let (kind, length) = match chars.find(|(_, c)| closes(*c)) {
        Some((end, close)) => {
            let text = prompt[start..at + end].to_owned();
            (Kind::Quoted(text), end + close.len_utf8())
        }
        None => (Kind::Sign(open), open.len_utf8()),
    };
    push(tokens, Some(kind), at, length);
    length
}

/// A place among the tokens, from which is read on.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t> {
    tokens: &'t [Token],
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(tokens: &'t [Token], at: usize) -> Self {
        Self { tokens, at }
    }

    /// The same tokens from another place on.
    pub(super) fn from(self, at: usize) -> Self {
        Self { at, ..self }
    }

    pub(super) fn peek(&self) -> Option<&'t Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    pub(super) fn next(&mut self) -> Option<&'t Kind> {
        let kind = self.peek()?;
        self.at += 1;
        Some(kind)
    }

    /// Whether the next token begins where the last one ended: `10k`.
    pub(super) fn is_joined(&self) -> bool {
        let end = |at: usize| self.tokens.get(at).map(|token| token.bytes.end);
        let start = self.tokens.get(self.at).map(|token| token.bytes.start);
        self.at.checked_sub(1).and_then(end) == start
    }

    pub(super) fn word(&self) -> Option<&'t str> {
        match self.peek()? {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Goes beyond these words or signs, which spaces part, if they are next.
    pub(super) fn take(&mut self, words: &str) -> bool {
        let mut ahead = *self;
        let is_next = |expected: &str| match ahead.next() {
            Some(Kind::Word(word)) => word == expected,
            Some(Kind::Sign(sign)) => expected.chars().eq([*sign]),
            _ => false,
        };
        let all = words.split(' ').all(is_next);
        if all {
            *self = ahead;
        }
        all
    }

    /// Goes beyond the first of these that is next.
    pub(super) fn take_any(&mut self, choices: &[&str]) -> bool {
        choices.iter().any(|words| self.take(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(prompt: &str) -> String {
        let shown = |token: Token| match token.kind {
            Kind::Word(word) => word,
            Kind::Number(number) => format!("#{number}"),
            Kind::Date(date) => format!("@{date}"),
            Kind::Quoted(text) => format!("<{text}>"),
            Kind::Sign(sign) => format!("'{sign}"),
        };
        let shown: Vec<String> = tokens(prompt).into_iter().map(shown).collect();
        shown.join(" ")
    }

    #[test]
    fn words_are_cut_as_people_read_them() {
        for (prompt, expected) in [
            ("One-time buyers", "one time buyers"),
            ("haven’t bought", "have not bought"),
            ("₹1,00,000.50, or 10k+", "'₹ #1,00,000.50 ', or #10 k '+"),
            ("since 2026-03-01.", "since @2026-03-01 '."),
            ("2026-02-30", "#2026 '- #02 '- #30"),
            ("“Ada's” tag", "<Ada's> tag"),
            ("5–10 - x", "#5 '- #10 '- x"),
            ("add_to_cart", "add_to_cart"),
            ("\"open", "'\" open"),
            ("VIPs' Straße", "vips strasse"),
        ] {
            assert_eq!(shown(prompt), expected, "{prompt}");
        }
    }
}

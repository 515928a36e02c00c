//! Tokenizer of prompts.

use std::ops::Range;

use chrono::NaiveDate;
use domain::rules::{Moment, fold_case};

/// Token of the prompt, with its byte range.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) bytes: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// Case-folded word. `haven't` and `one-time` are two tokens each.
    Word(String),
    /// Digits with group separators and a decimal point: `1,00,000.50`.
    Number(String),
    /// Date: `2026-03-01`.
    Date(NaiveDate),
    /// Text in quotes.
    Quoted(String),
    /// Sign, such as `₹`, `%`, `+`, `>`, `-`, or any other character.
    Sign(char),
}

/// Splits a prompt into tokens.
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

fn push(tokens: &mut Vec<Token>, kind: Option<TokenKind>, at: usize, length: usize) {
    let bytes = at..at + length;
    tokens.extend(kind.map(|kind| Token { kind, bytes }));
}

/// Reads a sign; `None` for a hyphen that joins two words.
fn joint(prompt: &str, at: usize, sign: char) -> Option<TokenKind> {
    let before = prompt[..at].chars().next_back();
    let after = prompt[at + sign.len_utf8()..].chars().next();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let joins = match sign {
        '-' | '‑' => is_letter(before) && is_letter(after),
        _ => false,
    };
    let dash = matches!(sign, '‑' | '–' | '—');
    (!joins).then_some(TokenKind::Sign(if dash { '-' } else { sign }))
}

fn number_or_date(prompt: &str, at: usize, tokens: &mut Vec<Token>) -> usize {
    let rest = &prompt[at..];
    let is_inside = |c: char| c.is_ascii_digit() || matches!(c, '-' | 'T' | ':' | 'Z' | '.');
    let longest = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
    if let Some(Moment::Day(date)) = rest.get(..10.min(longest)).and_then(Moment::parse) {
        push(tokens, Some(TokenKind::Date(date)), at, 10);
        return 10;
    }
    let bytes = rest.as_bytes();
    let digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let mut length = 1;
    while digit(length) || (matches!(bytes.get(length), Some(b',' | b'.')) && digit(length + 1)) {
        length += 1;
    }
    let number = TokenKind::Number(rest[..length].to_owned());
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
        push(
            tokens,
            Some(TokenKind::Word(part.to_owned())),
            at,
            text.len(),
        );
    }
    length
}

/// Returns the words of a contraction.
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

/// Reads a text in quotes. A quote that is not closed is a sign.
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
            (TokenKind::Quoted(text), end + close.len_utf8())
        }
        None => (TokenKind::Sign(open), open.len_utf8()),
    };
    push(tokens, Some(kind), at, length);
    length
}

/// Position among the tokens.
#[derive(Clone, Copy)]
pub(super) struct TokenCursor<'t> {
    tokens: &'t [Token],
    pub(super) at: usize,
}

impl<'t> TokenCursor<'t> {
    pub(super) fn new(tokens: &'t [Token], at: usize) -> Self {
        Self { tokens, at }
    }

    /// Returns a cursor at another position.
    pub(super) fn from(self, at: usize) -> Self {
        Self { at, ..self }
    }

    pub(super) fn peek(&self) -> Option<&'t TokenKind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    pub(super) fn next(&mut self) -> Option<&'t TokenKind> {
        let kind = self.peek()?;
        self.at += 1;
        Some(kind)
    }

    /// Returns whether the next token directly follows the last one: `10k`.
    pub(super) fn is_joined(&self) -> bool {
        let end = |at: usize| self.tokens.get(at).map(|token| token.bytes.end);
        let start = self.tokens.get(self.at).map(|token| token.bytes.start);
        self.at.checked_sub(1).and_then(end) == start
    }

    pub(super) fn word(&self) -> Option<&'t str> {
        match self.peek()? {
            TokenKind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Skips these space-separated words or signs, if they are next. Returns whether they
    /// were.
    pub(super) fn take(&mut self, words: &str) -> bool {
        let mut ahead = *self;
        let is_next = |expected: &str| match ahead.next() {
            Some(TokenKind::Word(word)) => word == expected,
            Some(TokenKind::Sign(sign)) => expected.chars().eq([*sign]),
            _ => false,
        };
        let all = words.split(' ').all(is_next);
        if all {
            *self = ahead;
        }
        all
    }

    /// Skips the first of these choices that is next. Returns whether there is one.
    pub(super) fn take_any(&mut self, choices: &[&str]) -> bool {
        choices.iter().any(|words| self.take(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(prompt: &str) -> String {
        let shown = |token: Token| match token.kind {
            TokenKind::Word(word) => word,
            TokenKind::Number(number) => format!("#{number}"),
            TokenKind::Date(date) => format!("@{date}"),
            TokenKind::Quoted(text) => format!("<{text}>"),
            TokenKind::Sign(sign) => format!("'{sign}"),
        };
        let shown: Vec<String> = tokens(prompt).into_iter().map(shown).collect();
        shown.join(" ")
    }

    #[test]
    fn prompts_are_split_as_people_read_them() {
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

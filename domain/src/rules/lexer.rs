//! The words of rules written as text.

use super::error::RuleError;

/// A word of the text, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// In characters, from 1.
    pub(super) column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Open,
    Close,
    Comma,
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`
    Symbol(String),
    /// Anything else without a space: a field, an operator, a number.
    Word(String),
    /// What stood in quotes.
    Quoted(String),
    /// After the last word.
    End,
}

/// Cuts a text into words; the last one is always the end.
///
/// # Errors
/// For a quoted text that does not end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, RuleError> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let column = at + 1;
        let (kind, length) = match c {
            '(' => (TokenKind::Open, 1),
            ')' => (TokenKind::Close, 1),
            ',' => (TokenKind::Comma, 1),
            c if closing(c).is_some() => quoted(&chars[at..]).ok_or_else(|| {
                RuleError::new("the quoted text does not end".to_owned()).in_column(column)
            })?,
            c if is_symbol(c) => taken(&chars[at..], is_symbol, TokenKind::Symbol),
            _ => taken(&chars[at..], is_word, TokenKind::Word),
        };
        tokens.push(Token { kind, column });
        at += length;
    }
    tokens.push(Token {
        kind: TokenKind::End,
        column: chars.len() + 1,
    });
    Ok(tokens)
}

fn is_symbol(c: char) -> bool {
    matches!(c, '=' | '!' | '<' | '>')
}

fn is_word(c: char) -> bool {
    !c.is_whitespace() && !is_symbol(c) && !matches!(c, '(' | ')' | ',' | '"' | '\'')
}

fn taken(
    chars: &[char],
    belongs: fn(char) -> bool,
    kind: fn(String) -> TokenKind,
) -> (TokenKind, usize) {
    let word: String = chars.iter().copied().take_while(|c| belongs(*c)).collect();
    let length = word.chars().count();
    (kind(word), length)
}

/// What ends a quoted text that begins so. Word processors turn straight quotes
/// into others.
fn closing(quote: char) -> Option<&'static [char]> {
    match quote {
        '"' => Some(&['"']),
        '\'' => Some(&['\'']),
        '“' | '”' | '„' => Some(&['”', '“']),
        '‘' | '’' | '‚' => Some(&['’', '‘']),
        _ => None,
    }
}

/// What stands in quotes, where a backslash takes the next character as it is.
fn quoted(chars: &[char]) -> Option<(TokenKind, usize)> {
    let (quote, mut rest) = chars.split_first()?;
    let closing = closing(*quote)?;
    let mut text = String::new();
    loop {
        let (c, after) = rest.split_first()?;
        rest = after;
        match c {
            c if closing.contains(c) => {
                return Some((TokenKind::Quoted(text), chars.len() - rest.len()));
            }
            '\\' => {
                let (c, after) = rest.split_first()?;
                text.push(*c);
                rest = after;
            }
            c => text.push(*c),
        }
    }
}

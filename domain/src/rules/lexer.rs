//! Lexer for rules written as text.

use super::error::RuleError;

/// Token of the text with its position.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Position in characters, starting at 1.
    pub(super) column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Open,
    Close,
    Comma,
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`
    Symbol(String),
    /// Any other sequence without spaces: a field, an operator, a number.
    Word(String),
    /// Content of a quoted text.
    Quoted(String),
    /// End of the text.
    End,
}

/// Splits a text into tokens; the last one is always [`TokenKind::End`].
///
/// # Errors
/// Fails if a quoted text is not terminated.
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
                RuleError::new("the quoted text is not terminated".to_owned()).in_column(column)
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

/// Returns the characters that end a quoted text which begins with `quote`.
/// Typographic quotes are accepted, since word processors replace straight
/// ones.
fn closing(quote: char) -> Option<&'static [char]> {
    match quote {
        '"' => Some(&['"']),
        '\'' => Some(&['\'']),
        '“' | '”' | '„' => Some(&['”', '“']),
        '‘' | '’' | '‚' => Some(&['’', '‘']),
        _ => None,
    }
}

/// Reads a quoted text; a backslash makes the next character literal.
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

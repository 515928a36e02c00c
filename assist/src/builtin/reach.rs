//! How far a word reaches: where it could reach over the next "and" or "or",
//! nobody can tell, and the request is refused.

use domain::rules::Operator;

use super::meaning::Meaning;
use super::phrases::Manner;
use super::refusal::Refusal;
use super::resolve::{Term, Word, ambiguous};
use super::words::{Kind, Token};

/// What a phrase begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// `3 visits`
    Number,
    /// `an email`
    Article,
    Other,
}

impl Opening {
    pub(super) fn of(phrase: &[Token]) -> Self {
        match phrase.first().map(|token| &token.kind) {
            Some(Kind::Number(_)) => Self::Number,
            Some(Kind::Word(word)) => match word.as_str() {
                "a" | "an" | "any" => Self::Article,
                word if super::numbers::is_number(word) => Self::Number,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// That no word of one term could reach the next.
pub(super) fn check_reach(terms: &[Term]) -> Result<(), Refusal> {
    for (first, second) in terms.iter().zip(terms.iter().skip(1)) {
        let is_joined = matches!(second.word, Some(Word::And | Word::Or))
            || (second.word.is_none() && second.comma && !second.who);
        if is_joined
            && (negation(first, second)
                || without(first, second)
                || comparison(first, second)
                || time(first, second))
        {
            return Err(ambiguous(second));
        }
    }
    Ok(())
}

/// "never ordered or visited", "not from Pune or tagged vip"
fn negation(first: &Term, second: &Term) -> bool {
    if !first.is_negative || second.has_own_verb || second.is_negative {
        return false;
    }
    let is_verb = first.manner == Manner::Verb;
    match second.word {
        Some(Word::Or) => {
            let goes_on = [Manner::Verb, Manner::Free, Manner::Adjective];
            first.is_prefixed || is_verb && goes_on.contains(&second.manner)
        }
        _ => is_verb && second.manner == Manner::Verb && !second.is_measured,
    }
}

/// "without an email and a phone number"
fn without(first: &Term, second: &Term) -> bool {
    first.is_negative && first.manner == Manner::Post && second.opening == Opening::Article
}

/// "at least 5 orders and 3 visits"
fn comparison(first: &Term, second: &Term) -> bool {
    use Operator::{AtLeast, AtMost, Equal, Greater, In, Less};
    let operator = |term: &Term| match &term.meaning {
        Meaning::Is(_, operator, _) if term.is_measured => Some(*operator),
        _ => None,
    };
    let is_open = matches!(operator(first), Some(AtLeast | AtMost | Greater | Less));
    let is_bare = second.opening == Opening::Number && second.manner == Manner::Post;
    is_open && is_bare && matches!(operator(second), Some(Equal | In))
}

/// "visited and ordered in the last 30 days"
fn time(first: &Term, second: &Term) -> bool {
    let are_verbs = first.manner == Manner::Verb && second.manner == Manner::Verb;
    let is_bare = !first.is_measured && !first.is_adverbial && !first.is_negative;
    are_verbs && is_bare && second.is_adverbial && !second.has_own_verb && !second.is_negative
}

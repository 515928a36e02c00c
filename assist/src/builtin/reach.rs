//! Scope of words: rejects requests in which a negation, a comparison or a time could
//! also apply to the term after the next "and" or "or".

use domain::rules::Operator;

use super::meaning::Meaning;
use super::phrase::Manner;
use super::rejection::Rejection;
use super::term::{Conjunction, Opening, Term, ambiguous};

/// Checks that no word of a term could also apply to the next one.
pub(super) fn check_reach(terms: &[Term]) -> Result<(), Rejection> {
    for (first, second) in terms.iter().zip(terms.iter().skip(1)) {
        let is_joined = matches!(second.word, Some(Conjunction::And | Conjunction::Or))
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

/// Detects an ambiguous negation: "never ordered or visited", "not from Pune or tagged
/// vip".
fn negation(first: &Term, second: &Term) -> bool {
    if !first.is_negative || second.has_own_verb || second.is_negative {
        return false;
    }
    let is_verb = first.manner == Manner::Verb;
    match second.word {
        Some(Conjunction::Or) => {
            let goes_on = [Manner::Verb, Manner::Free, Manner::Adjective];
            first.is_prefixed || is_verb && goes_on.contains(&second.manner)
        }
        _ => is_verb && second.manner == Manner::Verb && !second.is_measured,
    }
}

/// Detects an ambiguous "without": "without an email and a phone number".
fn without(first: &Term, second: &Term) -> bool {
    first.is_negative && first.manner == Manner::Post && second.opening == Opening::Article
}

/// Detects an ambiguous comparison: "at least 5 orders and 3 visits".
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

/// Detects an ambiguous time: "visited and ordered in the last 30 days".
fn time(first: &Term, second: &Term) -> bool {
    let are_verbs = first.manner == Manner::Verb && second.manner == Manner::Verb;
    let is_bare = !first.is_measured && !first.is_adverbial && !first.is_negative;
    are_verbs && is_bare && second.is_adverbial && !second.has_own_verb && !second.is_negative
}

//! Agreement between a term and the words before it.
//!
//! An adjective needs a noun or an "are", and a noun belongs to a term. Words that could
//! refer to two terms are rejected.

use std::ops::Range;

use domain::rules::Operator;

use super::before::WordsBefore;
use super::meaning::Meaning;
use super::phrase::Manner;
use super::rejection::{OUT_OF_PLACE, Rejection, TWO_WAYS, refused};
use super::term::{Conjunction, Term};

/// Checks the words before a term: "have" requires "not", "never", "either" or "neither";
/// "are" requires a term that is not a verb; "never" requires a verb.
pub(super) fn check_auxiliary(before: &WordsBefore, term: &Term) -> Result<(), Rejection> {
    let is_negated = before.not || before.never || before.neither || before.either;
    let have = !before.have || is_negated;
    let be = !before.be || term.manner != Manner::Verb;
    let never = !before.never || term.manner == Manner::Verb;
    match have && be && never {
        true => Ok(()),
        false => Err(refused(before.tokens.clone(), OUT_OF_PLACE)),
    }
}

/// Returns the negation of a term that is negated by a word before it. Rejects negations
/// without a clear meaning, such as "not visited twice".
pub(super) fn contrary(term: &Term, before: &WordsBefore) -> Result<Meaning, Rejection> {
    use Operator::{AtLeast, AtMost, Greater, Less};
    let is_clear = match &term.meaning {
        // "not tagged vip and gold" may mean "not both" or "neither".
        Meaning::All(_) if !term.is_measured => before.neither || before.nor,
        _ if !term.is_measured || before.neither || before.nor => true,
        Meaning::Is(_, operator, _) => matches!(operator, AtLeast | AtMost | Greater | Less),
        _ => false,
    };
    // A phrase that is negative by itself: "without tags".
    let is_double = term.is_negative && !before.not && !before.never;
    match is_clear && !is_double {
        true => Ok(term.meaning.clone().contrary()),
        false => Err(refused(before.tokens.start..term.tokens.end, TWO_WAYS)),
    }
}

/// Assigns a noun between two terms to the terms before it, unless "or" begins a new
/// group.
pub(super) fn noun(terms: &mut [Term], before: &WordsBefore) -> Result<(), Rejection> {
    match before.word {
        _ if terms.is_empty() => Ok(()),
        None if !before.comma => attach(terms, &before.tokens),
        Some(Conjunction::Or) => Ok(()),
        Some(Conjunction::But) if before.not => Ok(()),
        _ => Err(refused(before.tokens.clone(), TWO_WAYS)),
    }
}

/// Ends the terms before a noun. Rejects "customers or …", which has no terms before.
pub(super) fn close(terms: &mut [Term], before: &WordsBefore) -> Result<(), Rejection> {
    match terms.is_empty() {
        true if before.word.is_some() => Err(refused(before.tokens.clone(), OUT_OF_PLACE)),
        true => Ok(()),
        false => attach(terms, &before.tokens),
    }
}

/// Assigns a noun to the adjectives before it. "vip or gold customers" becomes one term;
/// "vip and gold customers" is rejected, since it may mean both groups or customers in
/// both.
pub(super) fn attach(terms: &mut [Term], noun: &Range<usize>) -> Result<(), Rejection> {
    let run = terms.iter().rev().take_while(|term| term.is_open()).count();
    let first = terms.len() - run;
    let Some((head, rest)) = terms.get_mut(first..).and_then(<[Term]>::split_first_mut) else {
        return Err(refused(noun.clone(), OUT_OF_PLACE));
    };
    // "over ₹5,000 and vip customers" may be two groups.
    let is_added = first > 0
        && !(head.be || head.is_said)
        && (head.comma || matches!(head.word, Some(Conjunction::And | Conjunction::But)));
    let joined = |word: Option<Conjunction>| {
        let fits = |term: &Term| term.word == word && !term.comma && !term.who;
        rest.iter().all(fits)
    };
    if is_added
        || !(joined(None)
            || joined(Some(Conjunction::Or))
            || head.be && joined(Some(Conjunction::And)))
    {
        return Err(refused(head.tokens.start..noun.end, TWO_WAYS));
    }
    let is_alternative = !rest.is_empty() && joined(Some(Conjunction::Or));
    for term in rest {
        term.has_noun = true;
        term.is_grouped = is_alternative;
    }
    head.has_noun = true;
    Ok(())
}

/// Rejects a term that cannot directly follow the one before it.
pub(super) fn check_place(
    last: Option<&Term>,
    term: &Term,
    before: &WordsBefore,
) -> Result<(), Rejection> {
    let Some(last) = last else {
        return Ok(());
    };
    let follows = before.is_nothing();
    let is_out_of_place = match term.manner {
        _ if follows && last.manner == Manner::Share => true,
        // "ordered twice in Mumbai" may say where they ordered.
        Manner::Place => follows && last.manner == Manner::Verb,
        Manner::Adjective => follows && !before.not && !last.is_open(),
        Manner::Noun | Manner::Share => is_second_group(last, before),
        _ => false,
    };
    match is_out_of_place {
        true => Err(refused(term.tokens.clone(), TWO_WAYS)),
        false => Ok(()),
    }
}

/// Returns whether a noun may begin a second group: "high spenders and frequent
/// visitors".
fn is_second_group(last: &Term, before: &WordsBefore) -> bool {
    match before.word {
        Some(Conjunction::Or) => false,
        Some(Conjunction::And) if last.be || before.be || before.nor => false,
        _ if before.except || before.be => false,
        None if before.is_nothing() => !last.is_open(),
        _ => true,
    }
}

/// Returns whether "are" applies to two adjectives: "are vip and gold".
pub(super) fn is_said_with(last: &Term, term: &Term) -> bool {
    let is_adjective = |term: &Term| term.manner == Manner::Adjective;
    let is_alike = is_adjective(last) && is_adjective(term) && !last.is_prefixed;
    is_alike && last.is_said && !last.has_noun && term.word.is_some()
}

/// Merges a term after "nor" into the one after "neither".
pub(super) fn nor(terms: &mut [Term], term: Term) -> Result<(), Rejection> {
    match terms.last_mut() {
        Some(last) if last.is_neither => {
            let first = std::mem::replace(&mut last.meaning, Meaning::All(Vec::new()));
            last.meaning = Meaning::all(vec![first, term.meaning]);
            last.has_nor = true;
            last.tokens.end = term.tokens.end;
            Ok(())
        }
        _ => Err(refused(term.tokens, OUT_OF_PLACE)),
    }
}

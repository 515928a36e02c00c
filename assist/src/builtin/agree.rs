//! Whether a term fits what stands before it.
//!
//! An adjective needs a noun or an "are", a noun belongs to something, and
//! what could be meant of two things is refused.

use std::ops::Range;

use domain::rules::Operator;

use super::before::Before;
use super::meaning::Meaning;
use super::phrases::Manner;
use super::refusal::{OUT_OF_PLACE, Refusal, TWO_WAYS, refused};
use super::resolve::{Term, Word};

/// "have" stands before "not", "never" and "neither" alone, "are" before what
/// somebody is.
pub(super) fn check_auxiliary(before: &Before, term: &Term) -> Result<(), Refusal> {
    let is_negated = before.not || before.never || before.neither || before.either;
    let have = !before.have || is_negated;
    let be = !before.be || term.manner != Manner::Verb;
    let never = !before.never || term.manner == Manner::Verb;
    match have && be && never {
        true => Ok(()),
        false => Err(refused(before.tokens.clone(), OUT_OF_PLACE)),
    }
}

/// The contrary of what is negated by a word before it. Of "not visited twice"
/// it is not clear what that would be.
pub(super) fn contrary(term: &Term, before: &Before) -> Result<Meaning, Refusal> {
    use Operator::{AtLeast, AtMost, Greater, Less};
    let is_clear = match &term.meaning {
        // "not tagged vip and gold": not both, or neither.
        Meaning::All(_) if !term.is_measured => before.neither || before.nor,
        _ if !term.is_measured || before.neither || before.nor => true,
        Meaning::Is(_, operator, _) => matches!(operator, AtLeast | AtMost | Greater | Less),
        _ => false,
    };
    let is_double = is_negative_in_itself(term, before);
    match is_clear && !is_double {
        true => Ok(term.meaning.clone().contrary()),
        false => Err(refused(before.tokens.start..term.tokens.end, TWO_WAYS)),
    }
}

fn is_negative_in_itself(term: &Term, before: &Before) -> bool {
    let negated = before.not || before.never;
    term.is_negative && !negated
}

/// A noun between two terms belongs to what is before it, or begins anew after
/// "or".
pub(super) fn noun(terms: &mut [Term], before: &Before) -> Result<(), Refusal> {
    match before.word {
        _ if terms.is_empty() => Ok(()),
        None if !before.comma => attach(terms, &before.tokens),
        Some(Word::Or) => Ok(()),
        Some(Word::But) if before.not => Ok(()),
        _ => Err(refused(before.tokens.clone(), TWO_WAYS)),
    }
}

/// Ends what is before with its noun. "Customers or …" has nothing before.
pub(super) fn close(terms: &mut [Term], before: &Before) -> Result<(), Refusal> {
    match terms.is_empty() {
        true if before.word.is_some() => Err(refused(before.tokens.clone(), OUT_OF_PLACE)),
        true => Ok(()),
        false => attach(terms, &before.tokens),
    }
}

/// Gives the adjectives at the end the noun that follows them. "vip or gold
/// customers" are one term; of "vip and gold customers" it is not clear whether
/// both are meant or both must hold.
pub(super) fn attach(terms: &mut [Term], noun: &Range<usize>) -> Result<(), Refusal> {
    let run = terms.iter().rev().take_while(|term| term.is_open()).count();
    let first = terms.len() - run;
    let Some((head, rest)) = terms.get_mut(first..).and_then(<[Term]>::split_first_mut) else {
        return Err(refused(noun.clone(), OUT_OF_PLACE));
    };
    // "over ₹5,000 and vip customers" may be two groups.
    let is_added = first > 0
        && !head_is_said(head)
        && (head.comma || matches!(head.word, Some(Word::And | Word::But)));
    let joined = |word: Option<Word>| {
        let fits = |term: &Term| term.word == word && !term.comma && !term.who;
        rest.iter().all(fits)
    };
    if is_added || !(joined(None) || joined(Some(Word::Or)) || head.be && joined(Some(Word::And))) {
        return Err(refused(head.tokens.start..noun.end, TWO_WAYS));
    }
    let is_alternative = !rest.is_empty() && joined(Some(Word::Or));
    for term in rest {
        term.has_noun = true;
        term.is_grouped = is_alternative;
    }
    head.has_noun = true;
    Ok(())
}

fn head_is_said(head: &Term) -> bool {
    head.be || head.is_said
}

/// What may not just follow what is before it.
pub(super) fn check_place(
    last: Option<&Term>,
    term: &Term,
    before: &Before,
) -> Result<(), Refusal> {
    let Some(last) = last else {
        return Ok(());
    };
    let follows = before.is_nothing();
    let is_out_of_place = match term.manner {
        _ if follows && last.manner == Manner::Share => true,
        // "ordered twice in Mumbai" may tell where they ordered.
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

/// "high spenders and frequent visitors" may be both groups.
fn is_second_group(last: &Term, before: &Before) -> bool {
    match before.word {
        Some(Word::Or) => false,
        Some(Word::And) if last.be || before.be || before.nor => false,
        _ if before.except || before.be => false,
        None if before.is_nothing() => !last.is_open(),
        _ => true,
    }
}

/// Whether "are" reaches from one adjective to the next: "are vip and gold".
pub(super) fn is_said_with(last: &Term, term: &Term) -> bool {
    let is_adjective = |term: &Term| term.manner == Manner::Adjective;
    let is_alike = is_adjective(last) && is_adjective(term) && !last.is_prefixed;
    is_alike && last.is_said && !last.has_noun && term.word.is_some()
}

/// "neither … nor …" is one term.
pub(super) fn nor(terms: &mut [Term], term: Term) -> Result<(), Refusal> {
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

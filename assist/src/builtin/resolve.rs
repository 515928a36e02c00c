//! Combination of terms into one meaning.

use std::ops::Range;

use super::meaning::Meaning;
use super::phrases::Manner;
use super::reach::{Opening, check_reach};
use super::refusal::{Refusal, TWO_WAYS};

/// Conjunction between two terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conjunction {
    And,
    Or,
    But,
}

/// Phrase, with the words before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) meaning: Meaning,
    pub(super) manner: Manner,
    pub(super) tokens: Range<usize>,
    /// True if the phrase compares with a number.
    pub(super) is_measured: bool,
    /// True if the phrase says when or how often.
    pub(super) is_adverbial: bool,
    pub(super) opening: Opening,

    /// Index of the first token that joins the term to the one before.
    pub(super) start: usize,
    /// Conjunction that joins the term to the one before.
    pub(super) word: Option<Conjunction>,
    pub(super) comma: bool,
    pub(super) who: bool,
    /// True if the term may begin a new group of people.
    pub(super) is_group: bool,
    /// True if "either" precedes the term.
    pub(super) is_either: bool,
    /// True if "are" precedes the term.
    pub(super) be: bool,
    /// True if the term has its own "who" or auxiliary.
    pub(super) has_own_verb: bool,

    /// True if the term contains a negation, or one precedes it.
    pub(super) is_negative: bool,
    /// True if the negation precedes the term.
    pub(super) is_prefixed: bool,
    pub(super) is_neither: bool,
    pub(super) has_nor: bool,

    /// True if an adjective is predicated: a word such as "are" or "not" applies to it.
    pub(super) is_said: bool,
    /// True if the noun of an adjective follows.
    pub(super) has_noun: bool,
    /// True if the term is one of several alternatives before a noun.
    pub(super) is_grouped: bool,
}

impl Term {
    /// Creates a term that needs no noun or verb.
    pub(super) fn closed(meaning: Meaning, tokens: Range<usize>) -> Self {
        Self {
            meaning,
            manner: Manner::Post,
            start: tokens.start,
            tokens,
            is_measured: false,
            is_adverbial: false,
            opening: Opening::Other,
            word: None,
            comma: false,
            who: false,
            is_group: false,
            is_either: false,
            be: false,
            has_own_verb: true,
            is_negative: false,
            is_prefixed: false,
            is_neither: false,
            has_nor: false,
            is_said: false,
            has_noun: false,
            is_grouped: false,
        }
    }

    /// Returns whether the term is a noun for customers.
    pub(super) fn is_noun(&self) -> bool {
        matches!(self.manner, Manner::Noun | Manner::Share)
    }

    /// Returns whether the term is an adjective that could belong to a noun after it.
    pub(super) fn is_open(&self) -> bool {
        !self.has_noun && matches!(self.manner, Manner::Adjective | Manner::Free)
    }

    /// Returns whether the term is complete: an adjective has its noun or verb, and
    /// "neither" its "nor".
    pub(super) fn is_placed(&self) -> bool {
        let has_owner = self.has_noun || self.is_said;
        (self.manner != Manner::Adjective || has_owner) && self.is_neither == self.has_nor
    }
}

/// Combines all terms: those that name people, and those of a clause about what they do.
pub(super) fn resolve(terms: Vec<Term>) -> Result<Meaning, Refusal> {
    // Checked before terms are merged, while each still has its own words.
    check_reach(&terms)?;
    let mut people = grouped(terms);
    let split = people.iter().skip(1).position(is_clause);
    let clause = people.split_off(split.map_or(people.len(), |at| at + 1));
    if clause.is_empty() {
        return flat(people);
    }
    check_clause(&people, &clause)?;
    Ok(Meaning::all(vec![flat(people)?, flat(clause)?]))
}

/// Checks that each "or" is certainly within the clause. "Pune customers who visited
/// twice or high spenders" may mean two groups.
fn check_clause(people: &[Term], clause: &[Term]) -> Result<(), Refusal> {
    let rest = clause.get(1..).unwrap_or_default();
    let goes_on = rest.iter().any(is_clause);
    let is_over = |term: &&Term| is_loose(term) && (goes_on || term.is_group);
    let before = people.iter().find(|term| is_loose(term));
    match before.or(rest.iter().find(is_over)) {
        Some(or) => Err(ambiguous(or)),
        None => Ok(()),
    }
}

/// Returns whether the term begins a clause: "who …".
fn is_clause(term: &Term) -> bool {
    term.who && term.word.is_none()
}

fn is_loose(term: &Term) -> bool {
    term.word == Some(Conjunction::Or)
}

/// Creates the rejection of an ambiguous term, together with its conjunction.
pub(super) fn ambiguous(term: &Term) -> Refusal {
    Refusal {
        tokens: term.start..term.tokens.end,
        reason: TWO_WAYS,
    }
}

/// Merges alternatives before a noun into one term.
fn grouped(terms: Vec<Term>) -> Vec<Term> {
    let mut grouped: Vec<Term> = Vec::new();
    for term in terms {
        match grouped.last_mut() {
            Some(last) if term.is_grouped => {
                let first = std::mem::replace(&mut last.meaning, Meaning::Any(Vec::new()));
                last.meaning = Meaning::any(vec![first, term.meaning]);
                last.tokens.end = term.tokens.end;
            }
            _ => grouped.push(term),
        }
    }
    grouped
}

/// Combines the terms of one clause. Without "or" all must hold. With "or", "and" binds
/// closer, and other conjunctions are rejected.
fn flat(terms: Vec<Term>) -> Result<Meaning, Refusal> {
    if let Some(term) = unclear(&terms) {
        return Err(ambiguous(term));
    }
    let mut alternatives: Vec<Vec<Meaning>> = Vec::new();
    let is_choice = terms.iter().skip(1).any(is_loose);
    for term in terms {
        let goes_on = !is_choice || term.word == Some(Conjunction::And);
        match alternatives.last_mut() {
            Some(all) if goes_on => all.push(term.meaning),
            _ => alternatives.push(vec![term.meaning]),
        }
    }
    let alternatives = alternatives.into_iter().map(Meaning::all);
    Ok(Meaning::any(alternatives.collect()))
}

/// Returns the first term whose relation to the others is ambiguous.
fn unclear(terms: &[Term]) -> Option<&Term> {
    let (first, rest) = terms.split_first()?;
    let either = || terms.iter().find(|term| term.is_either);
    let Some(or) = rest.iter().find(|term| is_loose(term)) else {
        return either();
    };
    let is_list = rest.iter().any(|term| term.comma);
    let is_alike = rest.iter().all(|term| term.manner == first.manner);
    let is_unclear = |term: &&Term| match term.word {
        Some(Conjunction::But) => true,
        Some(Conjunction::And) => is_list || term.who || either().is_some(),
        None => !(term.comma && is_alike && !term.who),
        Some(Conjunction::Or) => term.comma && rest.len() > 1 && !is_alike,
    };
    let is_late = rest.iter().any(|term| term.is_either);
    rest.iter().find(is_unclear).or(is_late.then_some(or))
}

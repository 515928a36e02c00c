//! Combination of terms into one meaning.

use super::meaning::Meaning;
use super::reach::check_reach;
use super::rejection::Rejection;
use super::term::{Conjunction, Term, ambiguous};

/// Combines all terms: those that name people, and those of a clause about what they do.
pub(super) fn resolve(terms: Vec<Term>) -> Result<Meaning, Rejection> {
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
fn check_clause(people: &[Term], clause: &[Term]) -> Result<(), Rejection> {
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
fn flat(terms: Vec<Term>) -> Result<Meaning, Rejection> {
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

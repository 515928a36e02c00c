//! Parts of a phrase: its role, its meaning, and the rows of the tables of phrases.

use domain::rules::Operator;

use super::meaning::Meaning;
use super::quantities::Bound;
use super::slots::{Scope, Slot};

/// Grammatical role of a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Adjective before a noun or after "are": `vip`, `Chennai`.
    Adjective,
    /// Adjective that may be anywhere: `unsubscribed`.
    Free,
    /// Modifier after a noun, or anywhere else: `tagged vip`, `with no orders`.
    Post,
    /// Place after a noun: `from Mumbai`. After a verb it would be ambiguous, since it
    /// could say where something happened.
    Place,
    /// Verb phrase: `visited twice`.
    Verb,
    /// Noun for customers: `high spenders`.
    Noun,
    /// Share of customers: `top 10% of spenders`. A term that directly follows would be
    /// ambiguous, since it could restrict the customers that the share is of.
    Share,
}

/// Meaning of a phrase, or the reason for its rejection.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Interpretation {
    /// Meaning of the phrase.
    Means(Meaning),
    /// Reason why a phrase that is understood is rejected.
    Refused(&'static str),
}

/// Phrase found in a prompt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PhraseMatch {
    pub(super) said: Interpretation,
    pub(super) manner: Manner,
    /// True if the phrase compares with a number.
    pub(super) is_measured: bool,
    /// True if the phrase says when or how often.
    pub(super) is_adverbial: bool,
    pub(super) end: usize,
}

/// Function that returns the meaning of a phrase from its slots; `None` if it has none.
pub(super) type Make = fn(&Scope<'_>, &[Slot]) -> Option<Interpretation>;

/// Row of a table: role, pattern, and function for the meaning.
pub(super) type PhraseRow = (Manner, &'static str, Make);

pub(super) fn means(meaning: Meaning) -> Option<Interpretation> {
    Some(Interpretation::Means(meaning))
}

/// Creates the condition that a field meets the comparisons of the first slot.
pub(super) fn within(field: &str, slots: &[Slot]) -> Option<Interpretation> {
    match slots.first()? {
        Slot::Numbers(bounds) | Slot::Days(bounds) | Slot::Dates(bounds) => {
            means(Meaning::within(field, bounds.clone()))
        }
        _ => None,
    }
}

/// Creates the condition that a field is at least the number of the slot.
pub(super) fn or_more(field: &str, slots: &[Slot]) -> Option<Interpretation> {
    plain(field, slots, Operator::AtLeast)
}

/// Creates the condition that a field equals the number of the slot.
pub(super) fn exactly(field: &str, slots: &[Slot]) -> Option<Interpretation> {
    plain(field, slots, Operator::Equal)
}

/// Creates a comparison with a number that has no comparison of its own.
fn plain(field: &str, slots: &[Slot], operator: Operator) -> Option<Interpretation> {
    let [Slot::Numbers(bounds)] = slots else {
        return None;
    };
    match bounds.as_slice() {
        [bound] if bound.operator == Operator::Equal => {
            let values = bound.values.clone();
            means(Meaning::Is(field.to_owned(), operator, values))
        }
        _ => None,
    }
}

/// Returns the meaning of a slot with a place or tags.
pub(super) fn meant(slots: &[Slot]) -> Option<Meaning> {
    match slots.first()? {
        Slot::Means(meaning) => Some(meaning.clone()),
        _ => None,
    }
}

/// Creates a condition on the field of days or that of dates, by the type of the slot.
pub(super) fn timed(days: &str, dates: &str, slot: &Slot) -> Option<Meaning> {
    match slot {
        Slot::Days(bounds) => Some(Meaning::within(days, bounds.clone())),
        Slot::Dates(bounds) => Some(Meaning::within(dates, bounds.clone())),
        _ => None,
    }
}

/// Returns the bound for the times before a lower bound; `None` for any other bound.
pub(super) fn until(bound: &Bound) -> Option<Bound> {
    let operator = match bound.operator {
        Operator::AtLeast => Operator::Less,
        Operator::Greater => Operator::AtMost,
        _ => return None,
    };
    Some(Bound {
        operator,
        values: bound.values.clone(),
    })
}

//! Known phrases, in one table per subject.

mod contact;
mod orders;
mod places;
mod registered;
mod spend;
mod visits;

use std::sync::LazyLock;

use domain::rules::Operator;

use super::activity;
use super::meaning::Meaning;
use super::pattern::Pattern;
use super::quantities::Bound;
use super::refusal::TWO_WAYS;
use super::slots::{Scope, Slot};
use super::words::Cursor;

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

type Make = fn(&Scope<'_>, &[Slot]) -> Option<Interpretation>;

/// Row of a table: role, pattern, and function for the meaning.
type Row = (Manner, &'static str, Make);

static PHRASES: LazyLock<Vec<(Manner, Pattern, Make)>> = LazyLock::new(|| {
    let tables = [
        spend::ROWS,
        orders::ROWS,
        visits::ROWS,
        registered::ROWS,
        places::ROWS,
        contact::ROWS,
    ];
    let ready = |(manner, pattern, make): &Row| (*manner, Pattern::new(pattern), *make);
    tables.iter().copied().flatten().map(ready).collect()
});

/// Returns all phrases that begin here.
pub(super) fn phrases(cursor: Cursor<'_>, scope: &Scope<'_>) -> Vec<PhraseMatch> {
    let mut found = Vec::new();
    for (manner, pattern, make) in PHRASES.iter() {
        for (slots, end) in pattern.read(cursor, scope) {
            let is_timed = |slot: &Slot| matches!(slot, Slot::Days(_) | Slot::Dates(_));
            let is_adverbial = pattern.tells_times() || slots.iter().any(is_timed);
            let is_measured = slots.iter().any(|slot| matches!(slot, Slot::Numbers(_)));
            found.extend(make(scope, &slots).map(|said| PhraseMatch {
                said,
                manner: *manner,
                is_measured,
                is_adverbial,
                end,
            }));
        }
    }
    found.extend(activity::activities(cursor, scope));
    // A pattern of optional elements can match no token. Such a match would not advance
    // the segmentation.
    found.retain(|found| found.end > cursor.at);
    unambiguous(found)
}

/// Rejects words with two different meanings.
fn unambiguous(mut found: Vec<PhraseMatch>) -> Vec<PhraseMatch> {
    let is_meaning = |found: &&PhraseMatch| matches!(found.said, Interpretation::Means(_));
    let contradicts = |one: &PhraseMatch| {
        let mut others = found.iter().filter(|other| other.end == one.end);
        others.any(|other| is_meaning(&other) && other.said != one.said)
    };
    let both = |found: &PhraseMatch| is_meaning(&found) && contradicts(found);
    let unclear: Vec<usize> = found.iter().filter(|f| both(f)).map(|f| f.end).collect();
    for found in found.iter_mut().filter(|f| unclear.contains(&f.end)) {
        found.said = Interpretation::Refused(TWO_WAYS);
    }
    found
}

fn means(meaning: Meaning) -> Option<Interpretation> {
    Some(Interpretation::Means(meaning))
}

/// Creates the condition that a field meets the comparisons of the first slot.
fn within(field: &str, slots: &[Slot]) -> Option<Interpretation> {
    match slots.first()? {
        Slot::Numbers(bounds) | Slot::Days(bounds) | Slot::Dates(bounds) => {
            means(Meaning::within(field, bounds.clone()))
        }
        _ => None,
    }
}

/// Creates the condition that a field is at least the number of the slot.
fn or_more(field: &str, slots: &[Slot]) -> Option<Interpretation> {
    plain(field, slots, Operator::AtLeast)
}

/// Creates the condition that a field equals the number of the slot.
fn exactly(field: &str, slots: &[Slot]) -> Option<Interpretation> {
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
fn meant(slots: &[Slot]) -> Option<Meaning> {
    match slots.first()? {
        Slot::Means(meaning) => Some(meaning.clone()),
        _ => None,
    }
}

/// Creates a condition on the field of days or that of dates, by the type of the slot.
fn timed(days: &str, dates: &str, slot: &Slot) -> Option<Meaning> {
    match slot {
        Slot::Days(bounds) => Some(Meaning::within(days, bounds.clone())),
        Slot::Dates(bounds) => Some(Meaning::within(dates, bounds.clone())),
        _ => None,
    }
}

/// Returns the bound for the times before a lower bound; `None` for any other bound.
fn until(bound: &Bound) -> Option<Bound> {
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

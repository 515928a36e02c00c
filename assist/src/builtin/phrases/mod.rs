//! The phrases that are known, as a table for each kind of them.

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

/// How a phrase stands in its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Before a noun, or after "are": `vip`, `Chennai`.
    Adjective,
    /// Before a noun and anywhere else: `unsubscribed`.
    Free,
    /// Behind a noun, or anywhere: `tagged vip`, `with no orders`.
    Post,
    /// A place behind a noun: `from Mumbai`. Behind a verb it could tell where
    /// something happened.
    Place,
    /// What they did: `visited twice`.
    Verb,
    /// Who they are: `high spenders`.
    Noun,
    /// So many of them: `top 10% of spenders`. What just follows could narrow
    /// down whom the share is of.
    Share,
}

/// What a phrase comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// Conditions.
    Means(Meaning),
    /// It is understood, and refused for this reason.
    Refused(&'static str),
}

/// A phrase that was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) said: Said,
    pub(super) manner: Manner,
    /// Whether it compares with a number.
    pub(super) is_measured: bool,
    /// Whether it says when or how often.
    pub(super) is_adverbial: bool,
    pub(super) end: usize,
}

type Make = fn(&Scope<'_>, &[Slot]) -> Option<Said>;

/// A row of a table: how it stands, its pattern, what it means.
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

/// All phrases that begin here.
pub(super) fn phrases(cursor: Cursor<'_>, scope: &Scope<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (manner, pattern, make) in PHRASES.iter() {
        for (slots, end) in pattern.read(cursor, scope) {
            let is_timed = |slot: &Slot| matches!(slot, Slot::Days(_) | Slot::Dates(_));
            let is_adverbial = pattern.tells_times() || slots.iter().any(is_timed);
            let is_measured = slots.iter().any(|slot| matches!(slot, Slot::Numbers(_)));
            found.extend(make(scope, &slots).map(|said| Found {
                said,
                manner: *manner,
                is_measured,
                is_adverbial,
                end,
            }));
        }
    }
    found.extend(activity::activities(cursor, scope));
    found.retain(|found| found.end > cursor.at);
    unambiguous(found)
}

/// What the same words mean in two ways is refused.
fn unambiguous(mut found: Vec<Found>) -> Vec<Found> {
    let is_meaning = |found: &&Found| matches!(found.said, Said::Means(_));
    let contradicts = |one: &Found| {
        let mut others = found.iter().filter(|other| other.end == one.end);
        others.any(|other| is_meaning(&other) && other.said != one.said)
    };
    let both = |found: &Found| is_meaning(&found) && contradicts(found);
    let unclear: Vec<usize> = found.iter().filter(|f| both(f)).map(|f| f.end).collect();
    for found in found.iter_mut().filter(|f| unclear.contains(&f.end)) {
        found.said = Said::Refused(TWO_WAYS);
    }
    found
}

fn means(meaning: Meaning) -> Option<Said> {
    Some(Said::Means(meaning))
}

/// The field within the comparisons of the first slot.
fn within(field: &str, slots: &[Slot]) -> Option<Said> {
    match slots.first()? {
        Slot::Numbers(bounds) | Slot::Days(bounds) | Slot::Dates(bounds) => {
            means(Meaning::within(field, bounds.clone()))
        }
        _ => None,
    }
}

/// So many, or more than that.
fn or_more(field: &str, slots: &[Slot]) -> Option<Said> {
    plain(field, slots, Operator::AtLeast)
}

/// So many, and no more.
fn exactly(field: &str, slots: &[Slot]) -> Option<Said> {
    plain(field, slots, Operator::Equal)
}

/// A number that nothing compares, compared.
fn plain(field: &str, slots: &[Slot], operator: Operator) -> Option<Said> {
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

/// What a slot of a place or of tags means.
fn meant(slots: &[Slot]) -> Option<Meaning> {
    match slots.first()? {
        Slot::Means(meaning) => Some(meaning.clone()),
        _ => None,
    }
}

/// A field of days and one of dates, whichever the slot is of.
fn timed(days: &str, dates: &str, slot: &Slot) -> Option<Meaning> {
    match slot {
        Slot::Days(bounds) => Some(Meaning::within(days, bounds.clone())),
        Slot::Dates(bounds) => Some(Meaning::within(dates, bounds.clone())),
        _ => None,
    }
}

/// The bound that is before where this one begins.
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

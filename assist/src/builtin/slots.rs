//! Slots of patterns: numbers, times, places.

use super::amounts::{amount, amounts};
use super::dates::dates;
use super::meaning::Meaning;
use super::names::{Meant, Names};
use super::numbers::number;
use super::quantities::{Bound, counts, times};
use super::times::{ago, lengths, recently, silence, within};
use super::words::TokenCursor;
use crate::Facts;

/// Facts against which patterns are matched.
pub(super) struct Scope<'f> {
    pub(super) facts: &'f Facts,
    pub(super) names: Names,
}

/// Value of a slot.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slot {
    /// Comparisons with plain numbers, or minor units.
    Numbers(Vec<Bound>),
    /// Comparisons with a number of days until now.
    Days(Vec<Bound>),
    /// Comparisons with dates.
    Dates(Vec<Bound>),
    /// Place or tags.
    Means(Meaning),
    /// Percentage.
    Percent(i64),
}

/// Returns all values that a slot can have here, each with its end.
pub(super) fn fill(slot: &str, cursor: TokenCursor<'_>, scope: &Scope<'_>) -> Vec<(Slot, usize)> {
    let means = |meant: Meant| each(Slot::Means, meant);
    match slot {
        "money" => each(Slot::Numbers, amounts(cursor, scope.facts.currency)),
        "count" => each(Slot::Numbers, counts(cursor)),
        "times" => each(Slot::Numbers, times(cursor)),
        "recently" => each(Slot::Days, recently(cursor)),
        "ago" => each(Slot::Days, ago(cursor)),
        "lengths" => each(Slot::Days, lengths(cursor)),
        "silence" => each(Slot::Days, silence(cursor)),
        "dates" => each(Slot::Dates, dates(cursor)),
        "places" => means(scope.names.places(cursor)),
        "place" => means(scope.names.place(cursor)),
        "tags" => means(scope.names.tags(cursor)),
        "tag" => means(scope.names.tag(cursor)),
        "tagged" => means(scope.names.tagged_people(cursor)),
        "amount" => {
            let mut after = cursor;
            let amount = amount(&mut after, scope.facts.currency);
            each(
                |_| Slot::Numbers(Vec::new()),
                amount.map(|amount| (amount, after.at)),
            )
        }
        "within" => each(|_| Slot::Days(Vec::new()), within(cursor)),
        "percent" => each(Slot::Percent, percent(cursor)),
        _ => Vec::new(),
    }
}

/// Wraps each value in a slot.
fn each<T>(
    make: impl Fn(T) -> Slot,
    values: impl IntoIterator<Item = (T, usize)>,
) -> Vec<(Slot, usize)> {
    let values = values.into_iter();
    values.map(|(value, end)| (make(value), end)).collect()
}

fn percent(mut cursor: TokenCursor<'_>) -> Option<(i64, usize)> {
    let percent = number(&mut cursor)?.whole()?;
    let is_one = cursor.take_any(&["%", "percent", "per cent", "pct"]);
    is_one.then_some((percent, cursor.at))
}

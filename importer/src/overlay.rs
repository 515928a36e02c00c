//! Options that replace others, as those of the user replace parts of a preset.

use super::fields::Resource;
use super::options::{ImportOptions, Pair};
use super::statuses::Statuses;

/// Returns the options `above` with those `below` where they are not given. Pairs replace those
/// of the same field or status.
pub(super) fn overlay(
    resource: Resource,
    below: ImportOptions,
    above: ImportOptions,
) -> ImportOptions {
    let is_same = |one: &Pair, two: &Pair| is_same_field(resource, one, two);
    let is_same_status =
        |one: &Pair, two: &Pair| Statuses::folded(&one.field) == Statuses::folded(&two.field);
    ImportOptions {
        encoding: above.encoding.or(below.encoding),
        delimiter: above.delimiter.or(below.delimiter),
        no_header: above.no_header || below.no_header,
        map: pairs(below.map, above.map, is_same),
        fallback: pairs(below.fallback, above.fallback, is_same),
        set: pairs(below.set, above.set, is_same),
        id: above.id.or(below.id),
        status: pairs(below.status, above.status, is_same_status),
        first_row: list(below.first_row, above.first_row),
        last_wins: above.last_wins || below.last_wins,
        amount_unit: above.amount_unit.or(below.amount_unit),
        decimal: above.decimal.or(below.decimal),
        date_format: list(below.date_format, above.date_format),
        time_zone: above.time_zone.or(below.time_zone),
        tag_separator: above.tag_separator.or(below.tag_separator),
        yes_word: list(below.yes_word, above.yes_word),
        no_word: list(below.no_word, above.no_word),
        empty: list(below.empty, above.empty),
        clear_empty: list(below.clear_empty, above.clear_empty),
    }
}

/// Returns true if both pairs are about one field, such as `attributes.a` and `attributes.a:number`.
pub(super) fn is_same_field(resource: Resource, one: &Pair, two: &Pair) -> bool {
    let pointer = |pair: &Pair| {
        let target = resource.target(&pair.field);
        target.map_or_else(|| pair.field.clone(), |target| target.pointer())
    };
    pointer(one) == pointer(two)
}

/// Replaces the pairs of the same field or status, and appends the others.
fn pairs(
    mut below: Vec<Pair>,
    above: Vec<Pair>,
    is_same: impl Fn(&Pair, &Pair) -> bool,
) -> Vec<Pair> {
    for pair in above {
        match below.iter_mut().find(|other| is_same(other, &pair)) {
            Some(other) => *other = pair,
            None => below.push(pair),
        }
    }
    below
}

fn list(below: Vec<String>, above: Vec<String>) -> Vec<String> {
    if above.is_empty() { below } else { above }
}

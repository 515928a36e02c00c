//! Compiles rules into MongoDB filters.
//!
//! Filters are built from typed values alone: no text from a client becomes an
//! operator or a path. Negations are pushed down to the conditions, where indexes
//! can still be used.

use std::ops::Bound;

use bson::{Bson, DateTime, Document, doc};
use domain::rules::{Check, Kind, Predicate, Range, Scalar, Test};

use super::paths::{Presence, path, presence};

/// Returns the filter that finds exactly the customers that the predicate matches.
pub fn filter(predicate: &Predicate) -> Document {
    compile(predicate, false)
}

/// Returns the filter that finds exactly the customers that the predicate does not
/// match, if those are cheaper to count; `None` otherwise.
///
/// That is the case for a single condition of which an index alone can count only
/// the customers that do not match. Customers without a value are in an index as
/// nulls, if at all, so MongoDB reads their documents.
pub(crate) fn complement(predicate: &Predicate) -> Option<Document> {
    let (check, negated) = single_condition(predicate, false)?;
    let is_cheaper = match (&check.test, presence(&check.field)) {
        (_, Presence::Always) => false,
        (Test::Present, _) => !negated && check.field.kind() != Kind::Tags,
        (Test::Within(ranges), Presence::ZeroIfAbsent) => ranges.iter().any(has_zero) != negated,
        (Test::Within(_) | Test::Tagged(_), _) => negated,
        // These read all texts either way.
        (Test::Contains(_) | Test::BeginsWith(_) | Test::EndsWith(_), _) => false,
    };
    is_cheaper.then(|| condition(check, !negated))
}

/// Returns the condition and whether it is negated, if the predicate consists of a
/// single one.
fn single_condition(predicate: &Predicate, negated: bool) -> Option<(&Check, bool)> {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => match &parts[..] {
            [part] => single_condition(part, negated),
            _ => None,
        },
        Predicate::Not(part) => single_condition(part, !negated),
        Predicate::Check(check) => Some((check, check.negated != negated)),
    }
}

fn has_zero(range: &Range) -> bool {
    range.contains(&Scalar::Integer(0))
}

/// Returns the filter for those of the customers that were not merged into another
/// one.
pub(crate) fn living(filter: Document) -> Document {
    doc! {"$and": [filter, {"merged": Bson::Null}]}
}

/// Returns the filter for those of the customers that were.
pub(crate) fn merged(filter: &Document) -> Document {
    doc! {"$and": [{"merged.into": {"$exists": true}}, filter]}
}

fn compile(predicate: &Predicate, negated: bool) -> Document {
    let each = |parts: &[Predicate]| parts.iter().map(|part| compile(part, negated)).collect();
    match (predicate, negated) {
        (Predicate::All(parts), false) | (Predicate::Any(parts), true) => all(each(parts)),
        (Predicate::Any(parts), false) | (Predicate::All(parts), true) => any(each(parts)),
        (Predicate::Not(part), _) => compile(part, !negated),
        (Predicate::Check(check), _) => condition(check, check.negated != negated),
    }
}

fn condition(check: &Check, negated: bool) -> Document {
    let path = path(&check.field);
    match &check.test {
        Test::Present => match (check.field.kind(), presence(&check.field)) {
            // Every document has a list of tags, which may be empty.
            (Kind::Tags, _) => doc! {format!("{path}.0"): {"$exists": !negated}},
            (_, Presence::Always | Presence::ZeroIfAbsent) => constant(!negated),
            (_, Presence::Optional) if negated => doc! {path: Bson::Null},
            (_, Presence::Optional) => doc! {path: {"$ne": Bson::Null}},
        },
        Test::Within(ranges) => match presence(&check.field) {
            Presence::Always => within_present(&path, ranges, negated),
            Presence::Optional => in_ranges(&with_paths(check, &path, ranges), negated),
            Presence::ZeroIfAbsent => zero_if_absent(&path, ranges, negated),
        },
        Test::Tagged(tag) if negated => doc! {path: {"$ne": tag}},
        Test::Tagged(tag) => doc! {path: tag},
        Test::Contains(part) => matches_pattern(&path, &escape(part), negated),
        Test::BeginsWith(part) => matches_pattern(&path, &format!("^{}", escape(part)), negated),
        // `$` would also match before a last line break.
        Test::EndsWith(part) => matches_pattern(&path, &format!(r"{}\z", escape(part)), negated),
    }
}

/// Matches the case-folded text that the fold keeps beside each text. It needs no
/// collation, and folds case as the rules do.
fn matches_pattern(path: &str, pattern: &str, negated: bool) -> Document {
    let regex = doc! {"$regex": pattern};
    let path = format!("folded.{path}");
    match negated {
        true => doc! {path: {"$not": regex}},
        false => doc! {path: regex},
    }
}

/// Compiles ranges of a field that every document has. The negation of a range
/// with one bound is then a range too, which an index can serve.
fn within_present(path: &str, ranges: &[Range], negated: bool) -> Document {
    match ranges {
        [range] if negated => match complement_range(range) {
            Some(complement) => doc! {path: bounds(&complement)},
            None => in_ranges(&[(path.to_owned(), range)], true),
        },
        ranges => in_ranges(&at_path(path, ranges), negated),
    }
}

/// Compiles ranges of a count, which is never negative and is absent while it is 0.
fn zero_if_absent(path: &str, ranges: &[Range], negated: bool) -> Document {
    if !ranges.iter().any(has_zero) {
        return in_ranges(&at_path(path, ranges), negated);
    }
    if let [range] = ranges {
        let from_zero = Range {
            from: Bound::Unbounded,
            to: range.to.clone(),
        };
        return match complement_range(&from_zero) {
            Some(above) if negated => doc! {path: bounds(&above)},
            Some(above) => doc! {path: {"$not": bounds(&above)}},
            None => constant(!negated),
        };
    }
    let in_ranges = in_ranges(&at_path(path, ranges), negated);
    match negated {
        true => all(vec![doc! {path: {"$ne": Bson::Null}}, in_ranges]),
        false => any(vec![doc! {path: Bson::Null}, in_ranges]),
    }
}

/// Returns the complement of a range with exactly one bound; `None` for any other
/// range, whose complement is empty or not a single range.
fn complement_range(range: &Range) -> Option<Range> {
    let opposite = |bound: &Bound<Scalar>| match bound {
        Bound::Included(value) => Bound::Excluded(value.clone()),
        Bound::Excluded(value) => Bound::Included(value.clone()),
        Bound::Unbounded => Bound::Unbounded,
    };
    match (&range.from, &range.to) {
        (Bound::Unbounded, Bound::Unbounded) => None,
        (Bound::Unbounded, to) => Some(Range {
            from: opposite(to),
            to: Bound::Unbounded,
        }),
        (from, Bound::Unbounded) => Some(Range {
            from: Bound::Unbounded,
            to: opposite(from),
        }),
        _ => None,
    }
}

fn at_path<'a>(path: &str, ranges: &'a [Range]) -> Vec<(String, &'a Range)> {
    ranges
        .iter()
        .map(|range| (path.to_owned(), range))
        .collect()
}

/// Pairs each range with the path of its values: times within attributes are under
/// `instants`.
fn with_paths<'a>(check: &Check, path: &str, ranges: &'a [Range]) -> Vec<(String, &'a Range)> {
    let is_time = |bound: &Bound<Scalar>| {
        matches!(
            bound,
            Bound::Included(Scalar::Time(_)) | Bound::Excluded(Scalar::Time(_))
        )
    };
    let with_path = |range: &'a Range| match check.field.kind() {
        Kind::Attribute if is_time(&range.from) || is_time(&range.to) => {
            (format!("instants.{path}"), range)
        }
        _ => (path.to_owned(), range),
    };
    ranges.iter().map(with_path).collect()
}

/// Matches values in one of the ranges; negated, values in none of them. An absent
/// value is in none.
fn in_ranges(ranges: &[(String, &Range)], negated: bool) -> Document {
    if let Some((path, values)) = single_values(ranges) {
        return match (&values[..], negated) {
            ([value], false) => doc! {path: value},
            ([value], true) => doc! {path: {"$ne": value}},
            (_, false) => doc! {path: {"$in": values}},
            (_, true) => doc! {path: {"$nin": values}},
        };
    }
    match ranges {
        [(path, range)] if negated => doc! {path: {"$not": bounds(range)}},
        ranges => {
            let parts = ranges
                .iter()
                .map(|(path, range)| doc! {path: bounds(range)});
            let parts: Vec<_> = parts.collect();
            match negated {
                true => doc! {"$nor": parts},
                false => any(parts),
            }
        }
    }
}

/// Returns the path and the values, if every range is a single value at the same
/// path.
fn single_values<'a>(ranges: &'a [(String, &Range)]) -> Option<(&'a str, Vec<Bson>)> {
    let (path, _) = ranges.first()?;
    let value = |(at, range): &(String, &Range)| match (&range.from, &range.to) {
        (Bound::Included(from), Bound::Included(to)) if at == path && from == to => {
            Some(scalar(from))
        }
        _ => None,
    };
    let values: Option<Vec<Bson>> = ranges.iter().map(value).collect();
    Some((path, values?))
}

fn bounds(range: &Range) -> Document {
    let mut bounds = doc! {};
    match &range.from {
        Bound::Included(from) => bounds.insert("$gte", scalar(from)),
        Bound::Excluded(from) => bounds.insert("$gt", scalar(from)),
        Bound::Unbounded => None,
    };
    match &range.to {
        Bound::Included(to) => bounds.insert("$lte", scalar(to)),
        Bound::Excluded(to) => bounds.insert("$lt", scalar(to)),
        Bound::Unbounded => None,
    };
    bounds
}

fn scalar(scalar: &Scalar) -> Bson {
    match scalar {
        Scalar::Flag(flag) => Bson::Boolean(*flag),
        Scalar::Integer(number) => Bson::Int64(*number),
        Scalar::Number(number) => Bson::Double(*number),
        Scalar::Text(text) => Bson::String(text.clone()),
        Scalar::Time(millis) => Bson::DateTime(DateTime::from_millis(*millis)),
    }
}

fn all(mut parts: Vec<Document>) -> Document {
    match parts.len() {
        1 => parts.remove(0),
        _ => doc! {"$and": parts},
    }
}

fn any(mut parts: Vec<Document>) -> Document {
    match parts.len() {
        1 => parts.remove(0),
        _ => doc! {"$or": parts},
    }
}

fn constant(value: bool) -> Document {
    match value {
        true => doc! {"$alwaysTrue": 1},
        false => doc! {"$alwaysFalse": 1},
    }
}

/// Escapes a text for use in a regular expression.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

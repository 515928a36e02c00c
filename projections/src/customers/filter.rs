//! Rules as a MongoDB filter.
//!
//! Built from typed values alone: nothing that a client wrote becomes an
//! operator or a path. Negations are moved down to the conditions, where
//! indexes can still serve them.

use std::ops::Bound;

use bson::{Bson, DateTime, Document, doc};
use domain::rules::{Check, Kind, Predicate, Presence, Range, Scalar, Test};

/// The filter that finds exactly the customers whom the predicate matches.
pub fn filter(predicate: &Predicate) -> Document {
    compile(predicate, false)
}

/// The filter that finds exactly the others, for a single condition of whose
/// answers an index knows only the others: those without a value are in the
/// index as nulls, if at all, and must be looked at one by one.
pub(super) fn contrary(predicate: &Predicate) -> Option<Document> {
    let (check, negated) = sole(predicate, false)?;
    let is_easier = match (&check.test, check.field.presence()) {
        (_, Presence::Always) => false,
        (Test::Present, _) => !negated && check.field.kind() != Kind::Tags,
        (Test::Within(ranges), Presence::ZeroIfAbsent) => ranges.iter().any(has_zero) != negated,
        (Test::Within(_) | Test::Tagged(_), _) => negated,
        // These look at all texts either way.
        (Test::Contains(_) | Test::BeginsWith(_) | Test::EndsWith(_), _) => false,
    };
    is_easier.then(|| condition(check, !negated))
}

/// The condition that is all of it, and whether its contrary is asked.
fn sole(predicate: &Predicate, negated: bool) -> Option<(&Check, bool)> {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => match &parts[..] {
            [part] => sole(part, negated),
            _ => None,
        },
        Predicate::Not(part) => sole(part, !negated),
        Predicate::Check(check) => Some((check, check.negated != negated)),
    }
}

fn has_zero(range: &Range) -> bool {
    range.contains(&Scalar::Integer(0))
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
    let path = check.field.path();
    match &check.test {
        Test::Present => present(check, path, negated),
        Test::Within(ranges) => within(check, &path, ranges, negated),
        Test::Tagged(tag) if negated => doc! {path: {"$ne": tag}},
        Test::Tagged(tag) => doc! {path: tag},
        Test::Contains(part) => like(&path, &escape(part), negated),
        Test::BeginsWith(part) => like(&path, &format!("^{}", escape(part)), negated),
        // `$` would also match before a last line break.
        Test::EndsWith(part) => like(&path, &format!(r"{}\z", escape(part)), negated),
    }
}

fn present(check: &Check, path: String, negated: bool) -> Document {
    match (check.field.kind(), check.field.presence()) {
        // Everybody has a list of tags, perhaps an empty one.
        (Kind::Tags, _) => doc! {format!("{path}.0"): {"$exists": !negated}},
        (_, Presence::Always | Presence::ZeroIfAbsent) => constant(!negated),
        (_, Presence::Optional) if negated => doc! {path: Bson::Null},
        (_, Presence::Optional) => doc! {path: {"$ne": Bson::Null}},
    }
}

/// Matches the text as the fold has written it for this, which needs no
/// collation and knows case as the rules do.
fn like(path: &str, pattern: &str, negated: bool) -> Document {
    let regex = doc! {"$regex": pattern};
    let path = format!("folded.{path}");
    match negated {
        true => doc! {path: {"$not": regex}},
        false => doc! {path: regex},
    }
}

fn within(check: &Check, path: &str, ranges: &[Range], negated: bool) -> Document {
    match check.field.presence() {
        Presence::Always => always(path, ranges, negated),
        Presence::Optional => inside(&targets(check, path, ranges), negated),
        Presence::ZeroIfAbsent => zero_if_absent(path, ranges, negated),
    }
}

/// For a field that every document has, so that the contrary of a bound is a
/// bound too.
fn always(path: &str, ranges: &[Range], negated: bool) -> Document {
    match ranges {
        [range] if negated => match outside(range) {
            Some(outside) => doc! {path: bounds(&outside)},
            None => inside(&[(path.to_owned(), range)], true),
        },
        ranges => inside(&at(path, ranges), negated),
    }
}

/// For a count, which is never below 0 and is not there before the first.
fn zero_if_absent(path: &str, ranges: &[Range], negated: bool) -> Document {
    if !ranges.iter().any(has_zero) {
        return inside(&at(path, ranges), negated);
    }
    if let [range] = ranges {
        let from_zero = Range {
            from: Bound::Unbounded,
            to: range.to.clone(),
        };
        return match outside(&from_zero) {
            Some(above) if negated => doc! {path: bounds(&above)},
            Some(above) => doc! {path: {"$not": bounds(&above)}},
            None => constant(!negated),
        };
    }
    let found = inside(&at(path, ranges), negated);
    match negated {
        true => all(vec![doc! {path: {"$ne": Bson::Null}}, found]),
        false => any(vec![doc! {path: Bson::Null}, found]),
    }
}

/// What lies outside a range that is open to one side; of one that is open to
/// both there is nothing.
fn outside(range: &Range) -> Option<Range> {
    let other = |bound: &Bound<Scalar>| match bound {
        Bound::Included(value) => Bound::Excluded(value.clone()),
        Bound::Excluded(value) => Bound::Included(value.clone()),
        Bound::Unbounded => Bound::Unbounded,
    };
    match (&range.from, &range.to) {
        (Bound::Unbounded, Bound::Unbounded) => None,
        (Bound::Unbounded, to) => Some(Range {
            from: other(to),
            to: Bound::Unbounded,
        }),
        (from, Bound::Unbounded) => Some(Range {
            from: Bound::Unbounded,
            to: other(from),
        }),
        _ => None,
    }
}

fn at<'a>(path: &str, ranges: &'a [Range]) -> Vec<(String, &'a Range)> {
    ranges
        .iter()
        .map(|range| (path.to_owned(), range))
        .collect()
}

/// Where the values are that each range is about: an attribute that is a time
/// has its instant beside it.
fn targets<'a>(check: &Check, path: &str, ranges: &'a [Range]) -> Vec<(String, &'a Range)> {
    let target = |range: &'a Range| match check.field.kind() {
        Kind::Attribute if is_time(range) => (format!("instants.{path}"), range),
        _ => (path.to_owned(), range),
    };
    ranges.iter().map(target).collect()
}

fn is_time(range: &Range) -> bool {
    let bounds = [&range.from, &range.to];
    bounds.into_iter().any(|bound| {
        matches!(
            bound,
            Bound::Included(Scalar::Time(_)) | Bound::Excluded(Scalar::Time(_))
        )
    })
}

/// In one of the ranges, or in none. What has no value is in none.
fn inside(ranges: &[(String, &Range)], negated: bool) -> Document {
    if let Some((path, points)) = points(ranges) {
        return match (&points[..], negated) {
            ([point], false) => doc! {path: point},
            ([point], true) => doc! {path: {"$ne": point}},
            (_, false) => doc! {path: {"$in": points}},
            (_, true) => doc! {path: {"$nin": points}},
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

/// The values, if all ranges are single values in one place.
fn points<'a>(ranges: &'a [(String, &Range)]) -> Option<(&'a str, Vec<Bson>)> {
    let (path, _) = ranges.first()?;
    let point = |(at, range): &(String, &Range)| match (&range.from, &range.to) {
        (Bound::Included(from), Bound::Included(to)) if at == path && from == to => {
            Some(scalar(from))
        }
        _ => None,
    };
    let points: Option<Vec<Bson>> = ranges.iter().map(point).collect();
    Some((path, points?))
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

/// The text with everything escaped that means something in a regular
/// expression.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

//! Lengths of time: `more than 3 months ago`, `in the last 30 days`.

use domain::rules::Operator;

use super::numbers::number;
use super::quantities::{Bound, Readings, comparisons};
use super::words::TokenCursor;

/// Units of time, in days.
const UNITS: [(&[&str], i64); 5] = [
    (&["day", "days"], 1),
    (&["week", "weeks", "wk", "wks"], 7),
    (&["fortnight", "fortnights"], 14),
    (&["month", "months"], 30),
    (&["year", "years", "yr", "yrs"], 365),
];

fn unit(cursor: &mut TokenCursor<'_>) -> Option<i64> {
    let word = cursor.word()?;
    let (_, days) = UNITS.iter().find(|(words, _)| words.contains(&word))?;
    cursor.next();
    Some(*days)
}

/// Reads a length of time in days: `90 days`, `three months`, `a year`.
pub(super) fn span(cursor: &mut TokenCursor<'_>) -> Option<(i64, bool)> {
    let mut ahead = *cursor;
    let count = match number(&mut ahead) {
        Some(number) => number.whole()?,
        None => {
            let is_one = ahead.take_any(&["a", "an"]);
            is_one.then_some(1)?
        }
    };
    let days = count.checked_mul(unit(&mut ahead)?)?;
    *cursor = ahead;
    Some((days, false))
}

/// Reads a period until now, in days: `in the last 30 days`, `within the past week`.
pub(super) fn within(mut cursor: TokenCursor<'_>) -> Option<(i64, usize)> {
    cursor.take_any(&["in", "within", "over", "during", "for", "from", "since"]);
    let the = cursor.take("the");
    if !cursor.take_any(&["last", "past", "previous"]) {
        return None;
    }
    // "last month" is a month of the calendar; "the last month" ends today.
    let (days, _) = match span(&mut cursor) {
        Some(span) => span,
        None => (unit(&mut cursor).filter(|_| the)?, false),
    };
    Some((days, cursor.at))
}

/// Reads a recent time: "in the last 30 days", "less than 30 days ago".
pub(super) fn recently(cursor: TokenCursor<'_>) -> Readings {
    let mut readings = Vec::new();
    if let Some((days, end)) = within(cursor) {
        readings.push((vec![Bound::one(Operator::AtMost, days)], end));
    }
    let is_recent = |bounds: &Vec<Bound>| {
        let recent = |bound: &Bound| matches!(bound.operator, Operator::Less | Operator::AtMost);
        bounds.iter().all(recent)
    };
    readings.extend(
        ago(cursor)
            .into_iter()
            .filter(|(bounds, _)| is_recent(bounds)),
    );
    readings
}

/// Reads a comparison of how long ago: `more than 90 days ago`, `30 to 60 days ago`.
pub(super) fn ago(cursor: TokenCursor<'_>) -> Readings {
    let mut readings = lengths(cursor);
    readings.retain_mut(|(_, end)| {
        let mut after = cursor.from(*end);
        let is_ago = after.take_any(&["ago", "back"]);
        *end = after.at;
        is_ago
    });
    readings
}

/// Reads comparisons with lengths of time, in days. The unit may come last, as in `30 to
/// 60 days` and `90+ days`.
pub(super) fn lengths(cursor: TokenCursor<'_>) -> Readings {
    let mut readings = comparisons(cursor, &span);
    for unit in UNITS.iter().map(|(_, days)| *days) {
        let of_unit = |cursor: &mut TokenCursor<'_>| {
            let count = number(cursor)?.whole()?.checked_mul(unit)?;
            Some((count, false))
        };
        let shared = comparisons(cursor, &of_unit)
            .into_iter()
            .filter_map(|(bounds, end)| {
                let mut after = cursor.from(end);
                let is_shared =
                    |bound: &Bound| matches!(bound.operator, Operator::Between | Operator::AtLeast);
                let fits = bounds.iter().all(is_shared);
                (fits && self::unit(&mut after)? == unit).then_some((bounds, after.at))
            });
        readings.extend(shared);
    }
    readings
}

/// Reads a time in which nothing happened: `in 3 months`, `for at least 90 days`, `in the
/// last year`. A length without a comparison is a lower bound, exclusive.
pub(super) fn silence(mut cursor: TokenCursor<'_>) -> Readings {
    let mut readings = Vec::new();
    if let Some((days, end)) = within(cursor) {
        readings.push((vec![Bound::one(Operator::Greater, days)], end));
    }
    // "since 3 months" is common in Indian English.
    if cursor.take_any(&["in", "for", "since"]) {
        let mut after = cursor;
        if let Some((days, _)) = span(&mut after) {
            readings.push((vec![Bound::one(Operator::Greater, days)], after.at));
        }
        let is_long = |(bounds, _): &(Vec<Bound>, usize)| {
            let operators = [Operator::Greater, Operator::AtLeast];
            bounds
                .iter()
                .all(|bound| operators.contains(&bound.operator))
        };
        readings.extend(lengths(cursor).into_iter().filter(is_long));
    }
    readings
}

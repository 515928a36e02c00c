//! Comparisons with numbers: "more than 3", "between 2 and 5", "10 or more".

use domain::rules::Operator;
use serde_json::Value as Json;

use super::numbers::number;
use super::words::TokenCursor;

/// Operator and values of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    pub(super) operator: Operator,
    pub(super) values: Vec<Json>,
}

/// Readings of the next words: bounds that must all hold, and the end.
pub(super) type Readings = Vec<(Vec<Bound>, usize)>;

/// Reader of a quantity: the number, and whether it was scaled, as in `10k`.
pub(super) type Unit<'u> = &'u dyn Fn(&mut TokenCursor<'_>) -> Option<(i64, bool)>;

/// Maximum length of a list of numbers; longer lists are not read.
const MAX_LISTED: usize = 10;

/// Words of comparison before a number.
const BEFORE: [(Operator, &[&str]); 5] = [
    (
        Operator::AtLeast,
        &[
            "at least",
            "no less than",
            "not less than",
            "no fewer than",
            "not fewer than",
            "a minimum of",
            "minimum of",
            "minimum",
            "min",
            "> =",
            "≥",
        ],
    ),
    (
        Operator::AtMost,
        &[
            "at most",
            "no more than",
            "not more than",
            "up to",
            "a maximum of",
            "maximum of",
            "maximum",
            "max",
            "no greater than",
            "not exceeding",
            "< =",
            "≤",
        ],
    ),
    (
        Operator::Greater,
        &[
            "more than",
            "greater than",
            "over",
            "above",
            "exceeding",
            "upwards of",
            "in excess of",
            "north of",
            "beyond",
            "higher than",
            ">",
        ],
    ),
    (
        Operator::Less,
        &[
            "less than",
            "fewer than",
            "lower than",
            "under",
            "below",
            "<",
        ],
    ),
    (
        Operator::Equal,
        &["exactly", "precisely", "equal to", "only", "just", "="],
    ),
];

/// Words of comparison after a number.
const AFTER: [(Operator, &[&str]); 2] = [
    (
        Operator::AtLeast,
        &[
            "or more",
            "or above",
            "or over",
            "or higher",
            "or greater",
            "and over",
            "and higher",
            "and above",
            "and up",
            "and more",
            "plus",
            "+",
        ],
    ),
    (
        Operator::AtMost,
        &["or less", "or fewer", "or under", "or below", "or lower"],
    ),
];

impl Bound {
    pub(super) fn one(operator: Operator, value: i64) -> Self {
        Self {
            operator,
            values: vec![value.into()],
        }
    }

    pub(super) fn between(from: impl Into<Json>, to: impl Into<Json>) -> Self {
        Self {
            operator: Operator::Between,
            values: vec![from.into(), to.into()],
        }
    }

    fn value(&self) -> Option<i64> {
        self.values.first().and_then(Json::as_i64)
    }
}

/// Reads comparisons with quantities of this unit. A number alone is not a comparison.
pub(super) fn comparisons(cursor: TokenCursor<'_>, unit: Unit<'_>) -> Readings {
    let Some((bound, end)) = compared(cursor, unit) else {
        return Vec::new();
    };
    let mut after = end;
    after.take(",");
    let mut readings = vec![(vec![bound.clone()], end.at)];
    if after.take_any(&["and", "but"])
        && let Some((other, end)) = compared(after, unit)
        && (is_range(&bound, &other) || is_range(&other, &bound))
    {
        readings.push((vec![bound, other], end.at));
    }
    readings
}

/// Returns whether the bounds enclose a non-empty range.
fn is_range(lower: &Bound, upper: &Bound) -> bool {
    let is_lower = matches!(lower.operator, Operator::Greater | Operator::AtLeast);
    let is_upper = matches!(upper.operator, Operator::Less | Operator::AtMost);
    is_lower && is_upper && lower.value() < upper.value()
}

/// Reads a comparison before a number.
fn operator(cursor: &mut TokenCursor<'_>) -> Option<Operator> {
    let next = BEFORE.iter().find(|(_, words)| cursor.take_any(words));
    next.map(|(operator, _)| *operator)
}

fn compared<'t>(cursor: TokenCursor<'t>, unit: Unit<'_>) -> Option<(Bound, TokenCursor<'t>)> {
    let mut ahead = cursor;
    if let Some(operator) = operator(&mut ahead) {
        let (value, _) = unit(&mut ahead)?;
        return Some((Bound::one(operator, value), ahead));
    }
    between(cursor, unit).or_else(|| {
        let mut ahead = cursor;
        let (value, _) = unit(&mut ahead)?;
        let (operator, _) = AFTER.iter().find(|(_, words)| ahead.take_any(words))?;
        Some((Bound::one(*operator, value), ahead))
    })
}

/// Reads a range: `between 5 and 10`, `from 5 to 10`, `5 to 10`, `5-10`. `None` if only
/// the second number is scaled: `5 to 10k` could begin at five or at five thousand.
fn between<'t>(cursor: TokenCursor<'t>, unit: Unit<'_>) -> Option<(Bound, TokenCursor<'t>)> {
    let mut ahead = cursor;
    let joints: &[&str] = match () {
        () if ahead.take("between") => &["and", "-"],
        () if ahead.take("from") => &["to", "-"],
        () => &["to", "-"],
    };
    let (from, is_scaled) = unit(&mut ahead)?;
    let joined = ahead.take_any(joints);
    let (to, is_to_scaled) = unit(&mut ahead).filter(|_| joined)?;
    let is_clear = is_scaled || !is_to_scaled;
    (is_clear && from <= to).then(|| (Bound::between(from, to), ahead))
}

/// Reads a count: a comparison, a number, or a list such as `two or three`.
pub(super) fn counts(cursor: TokenCursor<'_>) -> Readings {
    let mut readings = comparisons(cursor, &count);
    readings.extend(listed(cursor, &count));
    readings
}

/// Reads a number or a list of numbers: `2`, `2 or 3`, `2, 3 or 4`.
fn listed(mut cursor: TokenCursor<'_>, unit: Unit<'_>) -> Readings {
    let Some((number, _)) = unit(&mut cursor) else {
        return Vec::new();
    };
    let mut readings = vec![(vec![Bound::one(Operator::Equal, number)], cursor.at)];
    let mut values = vec![number.into()];
    while values.len() < MAX_LISTED {
        let comma = cursor.take(",");
        let is_last = cursor.take("or");
        let Some((number, _)) = unit(&mut cursor).filter(|_| comma || is_last) else {
            return readings;
        };
        values.push(number.into());
        if is_last {
            let bound = Bound {
                operator: Operator::In,
                values,
            };
            readings.push((vec![bound], cursor.at));
            return readings;
        }
    }
    readings
}

/// Reads a frequency: `twice`, `at least 3 times`, `once or twice`.
pub(super) fn times(cursor: TokenCursor<'_>) -> Readings {
    let mut readings = comparisons(cursor, &adverb);
    readings.extend(listed(cursor, &adverb));
    for (bounds, end) in counts(cursor) {
        let mut after = cursor.from(end);
        if after.take_any(&["times", "time"]) {
            readings.push((bounds.clone(), after.at));
            readings.extend(three_times_or_more(&bounds, after));
        }
    }
    readings
}

fn three_times_or_more(
    bounds: &[Bound],
    mut after: TokenCursor<'_>,
) -> Option<(Vec<Bound>, usize)> {
    let [
        Bound {
            operator: Operator::Equal,
            values,
        },
    ] = bounds
    else {
        return None;
    };
    let (operator, _) = AFTER.iter().find(|(_, words)| after.take_any(words))?;
    let bound = Bound {
        operator: *operator,
        values: values.clone(),
    };
    Some((vec![bound], after.at))
}

fn adverb(cursor: &mut TokenCursor<'_>) -> Option<(i64, bool)> {
    let number = match cursor.word()? {
        "once" => 1,
        "twice" => 2,
        "thrice" => 3,
        _ => return None,
    };
    cursor.next();
    Some((number, false))
}

fn count(cursor: &mut TokenCursor<'_>) -> Option<(i64, bool)> {
    let number = number(cursor)?;
    Some((number.whole()?, number.is_scaled))
}

//! Conditions with relative dates resolved, from which the evaluation in memory
//! and the queries of views both follow.
//!
//! Every comparison becomes a test for membership in ranges. A date is the
//! range of its day. A number of days ago is the range of instants that many
//! days before the current time. A text that is compared with an attribute also
//! stands for the number or the boolean that it parses as.

use std::cmp::Ordering;
use std::ops::Bound;

use super::case::fold_case;
use super::facts::CustomerFacts;
use super::field::{Field, Kind, Value};
use super::literal::{Literal, number_in};
use super::moment::{DAY, Moment};
use super::operator::Comparison;
use super::tree::Condition;
use crate::Timestamp;

/// Rules or a part of them, resolved at an instant.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// All parts must match.
    All(Vec<Predicate>),
    /// At least one part must match.
    Any(Vec<Predicate>),
    /// The part must not match.
    Not(Box<Predicate>),
    /// A test of one field.
    Check(Check),
}

/// Test of one field that needs no further context.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Field to test.
    pub field: Field,
    /// Test of the field's value. It fails for customers without a value.
    pub test: Test,
    /// True if the result is negated.
    pub negated: bool,
}

/// Test of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The customer has a value.
    Present,
    /// The value lies in one of these ranges.
    Within(Vec<Range>),
    /// The tags contain this text.
    Tagged(String),
    /// The value contains this text, which is folded with [`fold_case`].
    Contains(String),
    /// The value begins with this text, which is folded.
    BeginsWith(String),
    /// The value ends with this text, which is folded.
    EndsWith(String),
}

/// Interval of values of one type; at least one side is bounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// Lower bound.
    pub from: Bound<Scalar>,
    /// Upper bound.
    pub to: Bound<Scalar>,
}

/// Value to compare with. Integers and other numbers count as one type.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A boolean; `false` is less than `true`.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text, ordered by its bytes.
    Text(String),
    /// An instant, in milliseconds since 1970.
    Time(i64),
}

/// Interpretation of a literal as one type: all values from `low` to `high` are
/// equal to it.
struct Reading {
    low: Scalar,
    high: Scalar,
}

impl Condition {
    /// Returns the check at this instant.
    pub(super) fn check(&self, now: Timestamp) -> Check {
        Check {
            field: self.field().clone(),
            test: self.test(now),
            negated: self.operator().is_negated(),
        }
    }

    /// Checks that the values of `between` are in ascending order.
    pub(super) fn check_order(&self) -> Result<(), String> {
        let epoch = Timestamp::EPOCH;
        match self.test(epoch) {
            Test::Within(ranges) if ranges.is_empty() => Err(format!(
                "{} takes a lower value, then an upper value of the same type",
                self.operator()
            )),
            _ => Ok(()),
        }
    }

    fn test(&self, now: Timestamp) -> Test {
        let kind = self.field().kind();
        let text = || match self.values().first() {
            Some(Literal::Text(text)) => text.as_str(),
            // `Literal::read` has made the values of these operators texts.
            _ => "",
        };
        match self.operator().comparison() {
            Comparison::Present => Test::Present,
            Comparison::Contains if kind == Kind::Tags => Test::Tagged(text().to_owned()),
            Comparison::Contains => Test::Contains(fold_case(text())),
            Comparison::BeginsWith => Test::BeginsWith(fold_case(text())),
            Comparison::EndsWith => Test::EndsWith(fold_case(text())),
            comparison => {
                let in_order = !matches!(comparison, Comparison::Equal | Comparison::In);
                let readings = |literal| readings(kind, in_order, literal, now);
                let values: Vec<_> = self.values().iter().map(readings).collect();
                Test::Within(ranges(mirrored(comparison, kind), kind, values))
            }
        }
    }
}

/// Swaps the direction of a comparison for relative days: more days ago means
/// an earlier instant.
fn mirrored(comparison: Comparison, kind: Kind) -> Comparison {
    match comparison {
        _ if kind != Kind::Days => comparison,
        Comparison::Less => Comparison::Greater,
        Comparison::Greater => Comparison::Less,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::AtLeast => Comparison::AtMost,
        other => other,
    }
}

/// Returns the possible interpretations of a literal. In an ordered comparison,
/// a text that parses as a number is only that number: frontends send numbers
/// as strings, and no user wants them compared alphabetically.
fn readings(kind: Kind, in_order: bool, literal: &Literal, now: Timestamp) -> Vec<Reading> {
    let one = |scalar: Scalar| Reading {
        low: scalar.clone(),
        high: scalar,
    };
    match literal {
        Literal::Integer(days) if kind == Kind::Days => vec![days_ago(*days, now)],
        Literal::Integer(number) => vec![one(Scalar::Integer(*number))],
        Literal::Number(number) => vec![one(Scalar::Number(*number))],
        Literal::Flag(flag) => vec![one(Scalar::Flag(*flag))],
        Literal::Time(moment) => vec![Reading {
            low: Scalar::Time(moment.first()),
            high: Scalar::Time(moment.last()),
        }],
        Literal::Text(text) => {
            let text = text.as_str();
            let typed = typed(text).filter(|_| kind == Kind::Attribute);
            let text = Scalar::Text(text.to_owned());
            match typed {
                None => vec![one(text)],
                Some(typed) if in_order => vec![one(typed)],
                Some(typed) => vec![one(text), one(typed)],
            }
        }
    }
}

/// Returns the number or the boolean that a text parses as.
fn typed(text: &str) -> Option<Scalar> {
    match text {
        "true" => Some(Scalar::Flag(true)),
        "false" => Some(Scalar::Flag(false)),
        text => match number_in(text)? {
            Literal::Integer(number) => Some(Scalar::Integer(number)),
            Literal::Number(number) => Some(Scalar::Number(number)),
            Literal::Flag(_) | Literal::Text(_) | Literal::Time(_) => None,
        },
    }
}

/// Returns the instants that lie this many whole days before `now`.
fn days_ago(days: i64, now: Timestamp) -> Reading {
    let high = now.millis() - days * DAY;
    Reading {
        low: Scalar::Time(high - DAY + 1),
        high: Scalar::Time(high),
    }
}

fn ranges(comparison: Comparison, kind: Kind, values: Vec<Vec<Reading>>) -> Vec<Range> {
    use Bound::{Excluded, Included, Unbounded};
    if comparison == Comparison::Between {
        return between(kind, values);
    }
    let range = |Reading { low, high }| {
        let (from, to) = match comparison {
            Comparison::Less => (Unbounded, Excluded(low)),
            Comparison::AtMost => (Unbounded, Included(high)),
            Comparison::Greater => (Excluded(high), Unbounded),
            Comparison::AtLeast => (Included(low), Unbounded),
            _ => (Included(low), Included(high)),
        };
        Range { from, to }
    };
    values.into_iter().flatten().map(range).collect()
}

/// Returns a range for each pair of interpretations of the same type whose
/// lower bound does not exceed its upper bound.
fn between(kind: Kind, values: Vec<Vec<Reading>>) -> Vec<Range> {
    let mut values = values.into_iter();
    let (Some(first), Some(second)) = (values.next(), values.next()) else {
        return Vec::new();
    };
    let (lower, upper) = match kind {
        Kind::Days => (second, first),
        _ => (first, second),
    };
    let range = |from: &Reading, to: &Reading| {
        let ordered = from.low.compare(&to.high)? != Ordering::Greater;
        ordered.then(|| Range {
            from: Bound::Included(from.low.clone()),
            to: Bound::Included(to.high.clone()),
        })
    };
    let from_each = |from| upper.iter().filter_map(move |to| range(from, to));
    lower.iter().flat_map(from_each).collect()
}

impl Scalar {
    /// Compares two values; `None` for different types.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Flag(a), Self::Flag(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Integer(a), Self::Number(b)) => Some(compare(*a, *b)),
            (Self::Number(a), Self::Integer(b)) => Some(compare(*b, *a).reverse()),
            _ => None,
        }
    }
}

/// Compares a whole number with a float exactly: converting the integer to
/// `f64` could lose its last digits.
fn compare(whole: i64, number: f64) -> Ordering {
    /// 2^63
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if number >= BEYOND {
        Ordering::Less
    } else if number < -BEYOND {
        Ordering::Greater
    } else {
        let rest = 0.0_f64.partial_cmp(&number.fract());
        let rest = rest.unwrap_or(Ordering::Equal);
        whole.cmp(&(number.trunc() as i64)).then(rest)
    }
}

impl Range {
    /// Returns whether a value lies in the range.
    pub fn contains(&self, value: &Scalar) -> bool {
        let from = match &self.from {
            Bound::Unbounded => true,
            Bound::Included(from) => from.compare(value).is_some_and(Ordering::is_le),
            Bound::Excluded(from) => from.compare(value).is_some_and(Ordering::is_lt),
        };
        from && match &self.to {
            Bound::Unbounded => true,
            Bound::Included(to) => value.compare(to).is_some_and(Ordering::is_le),
            Bound::Excluded(to) => value.compare(to).is_some_and(Ordering::is_lt),
        }
    }
}

impl Predicate {
    /// Returns whether a customer matches.
    pub fn matches(&self, facts: &CustomerFacts) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(facts)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(facts)),
            Self::Not(part) => !part.matches(facts),
            Self::Check(check) => check.matches(facts),
        }
    }
}

impl Check {
    fn matches(&self, facts: &CustomerFacts) -> bool {
        let holds = match (&self.test, self.field.value(facts)) {
            (_, Value::Absent) => false,
            (Test::Present, _) => true,
            (Test::Within(ranges), value) => within(ranges, value),
            (Test::Tagged(tag), Value::Tags(tags)) => tags.contains(tag),
            (Test::Contains(part), Value::Text(text)) => fold_case(text).contains(part),
            (Test::BeginsWith(part), Value::Text(text)) => fold_case(text).starts_with(part),
            (Test::EndsWith(part), Value::Text(text)) => fold_case(text).ends_with(part),
            _ => false,
        };
        holds != self.negated
    }
}

fn within(ranges: &[Range], value: Value<'_>) -> bool {
    let inside = |scalar: Scalar| ranges.iter().any(|range| range.contains(&scalar));
    match value {
        Value::Absent | Value::Tags(_) | Value::Nested(_) => false,
        Value::Flag(flag) => inside(Scalar::Flag(flag)),
        Value::Integer(number) => inside(Scalar::Integer(number)),
        Value::Number(number) => inside(Scalar::Number(number)),
        Value::Time(at) => inside(Scalar::Time(at.millis())),
        Value::Text(text) => {
            inside(Scalar::Text(text.to_owned()))
                || time_in(text).is_some_and(|at| inside(Scalar::Time(at.millis())))
        }
    }
}

/// Returns the instant that an attribute's text stands for, if it is a time;
/// for a date, its first instant. Rules compare this with times.
pub fn time_in(text: &str) -> Option<Timestamp> {
    Timestamp::from_millis(Moment::parse(text)?.first()).ok()
}

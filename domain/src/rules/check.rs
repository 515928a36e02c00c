//! Conditions with the clock worked in: what both evaluations stand on.
//!
//! Every comparison comes down to "lies in one of these ranges". A date is the
//! range of its day, a number of days ago the range of instants that many days
//! before the clock, a text compared with an attribute also the number it
//! reads as.

use std::cmp::Ordering;
use std::ops::Bound;

use super::case::fold_case;
use super::facts::CustomerFacts;
use super::field::{Field, Kind, Value};
use super::literal::{Literal, number_in};
use super::moment::{DAY, Moment};
use super::operator::Question;
use super::tree::Condition;
use crate::Timestamp;

/// Rules, or a part of them, at an instant.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// All of them hold.
    All(Vec<Predicate>),
    /// One of them holds.
    Any(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// A question about one field.
    Check(Check),
}

/// A question about one field, with nothing left open.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// About which field.
    pub field: Field,
    /// What is asked. A customer without a value answers no.
    pub test: Test,
    /// Whether the exact contrary is asked.
    pub negated: bool,
}

/// What a value is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Whether there is one.
    Present,
    /// Whether it lies in one of these.
    Within(Vec<Range>),
    /// Whether this is among the tags.
    Tagged(String),
    /// Whether it contains this, which is folded as [`fold_case`] does.
    Contains(String),
    /// Whether it begins with this, which is folded.
    BeginsWith(String),
    /// Whether it ends with this, which is folded.
    EndsWith(String),
}

/// An interval of values of one type; at least one side is bounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// Where it begins.
    pub from: Bound<Scalar>,
    /// Where it ends.
    pub to: Bound<Scalar>,
}

/// A value to compare with. Integers and numbers are one type.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A boolean; false comes before true.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text; in the order of its bytes.
    Text(String),
    /// Milliseconds since 1970.
    Time(i64),
}

/// A literal as one type: the values from low to high are equal to it.
struct Reading {
    low: Scalar,
    high: Scalar,
}

impl Condition {
    /// The question at this instant.
    pub(super) fn check(&self, now: Timestamp) -> Check {
        Check {
            field: self.field().clone(),
            test: self.test(now),
            negated: self.operator().is_negated(),
        }
    }

    /// That `between` goes from a lower value to an upper one.
    pub(super) fn check_order(&self) -> Result<(), String> {
        let epoch = Timestamp::EPOCH;
        match self.test(epoch) {
            Test::Within(ranges) if ranges.is_empty() => Err(format!(
                "{} goes from a lower value to an upper one of the same type",
                self.operator()
            )),
            _ => Ok(()),
        }
    }

    fn test(&self, now: Timestamp) -> Test {
        let kind = self.field().kind();
        let text = || match self.values().first() {
            Some(Literal::Text(text)) => text.as_str(),
            // `Literal::read` has made every value of these a text.
            _ => "",
        };
        match self.operator().question() {
            Question::Present => Test::Present,
            Question::Contains if kind == Kind::Tags => Test::Tagged(text().to_owned()),
            Question::Contains => Test::Contains(fold_case(text())),
            Question::BeginsWith => Test::BeginsWith(fold_case(text())),
            Question::EndsWith => Test::EndsWith(fold_case(text())),
            question => {
                let in_order = !matches!(question, Question::Equal | Question::In);
                let readings = |literal| readings(kind, in_order, literal, now);
                let values: Vec<_> = self.values().iter().map(readings).collect();
                Test::Within(ranges(mirrored(question, kind), kind, values))
            }
        }
    }
}

/// Days ago and instants run against each other.
fn mirrored(question: Question, kind: Kind) -> Question {
    match question {
        _ if kind != Kind::Days => question,
        Question::Less => Question::Greater,
        Question::Greater => Question::Less,
        Question::AtMost => Question::AtLeast,
        Question::AtLeast => Question::AtMost,
        other => other,
    }
}

/// What a literal may be read as. In an order a text that reads as a number is
/// one: frontends send numbers as texts, and no text is before 38.
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

/// The number or the boolean that a text reads as.
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

/// The instants that lie this many whole days before now.
fn days_ago(days: i64, now: Timestamp) -> Reading {
    let high = now.millis() - days * DAY;
    Reading {
        low: Scalar::Time(high - DAY + 1),
        high: Scalar::Time(high),
    }
}

fn ranges(question: Question, kind: Kind, values: Vec<Vec<Reading>>) -> Vec<Range> {
    use Bound::{Excluded, Included, Unbounded};
    if question == Question::Between {
        return between(kind, values);
    }
    let range = |Reading { low, high }| {
        let (from, to) = match question {
            Question::Less => (Unbounded, Excluded(low)),
            Question::AtMost => (Unbounded, Included(high)),
            Question::Greater => (Excluded(high), Unbounded),
            Question::AtLeast => (Included(low), Unbounded),
            _ => (Included(low), Included(high)),
        };
        Range { from, to }
    };
    values.into_iter().flatten().map(range).collect()
}

/// From each reading of the first value to the one of the same type of the
/// second, where that is not less.
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
    /// How two compare; `None` for two types.
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

/// A whole number and any other, exactly: as `f64` the first could lose its
/// last digits.
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
    /// Whether a value lies in it.
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
    /// Whether it holds for a customer.
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
        self.test.holds(self.field.value(facts)) != self.negated
    }
}

impl Test {
    fn holds(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (_, Value::Absent) => false,
            (Self::Present, _) => true,
            (Self::Within(ranges), value) => within(ranges, value),
            (Self::Tagged(tag), Value::Tags(tags)) => tags.contains(tag),
            (Self::Contains(part), Value::Text(text)) => fold_case(text).contains(part),
            (Self::BeginsWith(part), Value::Text(text)) => fold_case(text).starts_with(part),
            (Self::EndsWith(part), Value::Text(text)) => fold_case(text).ends_with(part),
            _ => false,
        }
    }
}

fn within(ranges: &[Range], value: Value<'_>) -> bool {
    let inside = |scalar: Scalar| ranges.iter().any(|range| range.contains(&scalar));
    match value {
        Value::Absent | Value::Tags(_) => false,
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

/// The instant that an attribute's text tells, if it is a time; of a date its
/// first. Rules compare it with times.
pub fn time_in(text: &str) -> Option<Timestamp> {
    Timestamp::from_millis(Moment::parse(text)?.first()).ok()
}

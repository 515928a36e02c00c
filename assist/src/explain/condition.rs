//! A single condition in plain words.

use domain::rules::{Condition, Kind, Literal, Operator};

use super::amounts::{compared, dates, days, rank};
use crate::Facts;

/// Describes a condition as a clause that follows "customers who".
pub(super) fn condition(asked: &Condition, facts: &Facts) -> String {
    let name = asked.field().to_string();
    match (asked.field().kind(), asked.operator()) {
        (_, Operator::Null) => presence(&name, false),
        (_, Operator::NotNull) => presence(&name, true),
        (Kind::Text, _) => text(&name, asked),
        (Kind::Tags, Operator::DoesNotContain) => format!("are not tagged {}", listed(asked)),
        (Kind::Tags, _) => format!("are tagged {}", listed(asked)),
        (Kind::Flag, operator) => {
            let is_true = asked.values() == [Literal::Flag(true)];
            match is_true == (operator == Operator::Equal) {
                true => "unsubscribed".to_owned(),
                false => "did not unsubscribe".to_owned(),
            }
        }
        (Kind::Money, _) => {
            let each = match name.as_str() {
                "average_order_value" => "per order",
                _ => "in all",
            };
            let (compared, rank) = (compared(asked, facts), rank(asked, facts));
            format!("spent {compared} {each}{rank}")
        }
        (Kind::Count, _) => count(&name, asked, facts),
        (Kind::Days, _) => format!("{} {}", happened(&name), days(asked, facts)),
        (Kind::Time, _) => format!("{} {}", happened(&name), dates(asked)),
        (Kind::Attribute, operator) => {
            format!("have an {name} that {} {}", verb_for(operator), pair(asked))
        }
    }
}

/// Formats the values, joined by "or", texts in quotes.
fn listed(asked: &Condition) -> String {
    let shown = |literal: &Literal| match literal {
        Literal::Text(text) => format!("{:?}", text.as_str()),
        other => other.to_string(),
    };
    let values: Vec<String> = asked.values().iter().map(shown).collect();
    values.join(" or ")
}

/// Returns the verb for an operator on a text: "is", "begins with".
fn verb_for(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal | Operator::In => "is",
        Operator::NotEqual | Operator::NotIn => "is not",
        Operator::Contains => "contains",
        Operator::DoesNotContain => "does not contain",
        Operator::BeginsWith => "begins with",
        Operator::DoesNotBeginWith => "does not begin with",
        Operator::EndsWith => "ends with",
        Operator::DoesNotEndWith => "does not end with",
        Operator::Less => "is less than",
        Operator::AtMost => "is at most",
        Operator::Greater => "is more than",
        Operator::AtLeast => "is at least",
        Operator::Between => "lies between",
        Operator::NotBetween => "does not lie between",
        Operator::Null => "is not known",
        Operator::NotNull => "is known",
    }
}

fn text(name: &str, asked: &Condition) -> String {
    match (name, asked.operator()) {
        ("city" | "country", Operator::Equal | Operator::In) => {
            format!("live in {} ({name})", listed(asked))
        }
        ("city" | "country", Operator::NotEqual | Operator::NotIn) => {
            format!("do not live in {} ({name})", listed(asked))
        }
        (_, operator) => format!("have a {name} that {} {}", verb_for(operator), pair(asked)),
    }
}

/// Formats the values; those of "between" are joined by "and".
fn pair(asked: &Condition) -> String {
    match asked.operator() {
        Operator::Between | Operator::NotBetween => listed(asked).replacen(" or ", " and ", 1),
        _ => listed(asked),
    }
}

fn count(name: &str, asked: &Condition, facts: &Facts) -> String {
    let rank = rank(asked, facts);
    let is_none = asked.values() == [Literal::Integer(0)];
    let verb = match name {
        "order_count" => "ordered".to_owned(),
        "visits" | "events.visit.count" => "visited".to_owned(),
        name => format!("did {:?}", activity(name)),
    };
    match asked.operator() {
        Operator::Equal if is_none => format!("never {verb}"),
        Operator::AtLeast if is_none => format!("{verb} any number of times or never"),
        _ => format!("{verb} {} {}{rank}", compared(asked, facts), times(asked)),
    }
}

fn times(asked: &Condition) -> &'static str {
    match asked.values() {
        [Literal::Integer(1)] => "time",
        _ => "times",
    }
}

/// Returns the name of the activity in a field's name.
fn activity(field: &str) -> &str {
    let name = field.strip_prefix("events.").unwrap_or(field);
    name.rsplit_once('.').map_or(name, |(name, _)| name)
}

fn happened(field: &str) -> String {
    match field {
        "days_since_last_order" | "last_order_at" => "last ordered".to_owned(),
        "first_order_at" => "first ordered".to_owned(),
        "days_since_registered" | "registered_at" => "registered".to_owned(),
        field => format!("last did {:?}", activity(field)),
    }
}

fn presence(field: &str, is_there: bool) -> String {
    let (there, missing) = match field {
        "tags" => ("have tags", "have no tags"),
        "registered_at" | "days_since_registered" => {
            ("registered at a known time", "registered at no known time")
        }
        "first_order_at" | "last_order_at" | "days_since_last_order" => {
            ("ordered at some time", "never ordered")
        }
        _ => return named(field, is_there),
    };
    if is_there { there } else { missing }.to_owned()
}

fn named(field: &str, is_there: bool) -> String {
    match (field.strip_suffix(".last_at"), is_there) {
        (Some(field), true) => format!("did {:?} at some time", activity(field)),
        (Some(field), false) => format!("never did {:?}", activity(field)),
        (None, true) => format!("have a known {field}"),
        (None, false) => format!("have no known {field}"),
    }
}

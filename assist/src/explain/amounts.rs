//! Comparisons of a condition in plain words.

use domain::rules::{Condition, Kind, Literal, Operator};

use crate::{Facts, Measure, money};

/// Formats a value: money in the store's currency, texts in quotes.
pub(super) fn value(literal: &Literal, kind: Kind, facts: &Facts) -> String {
    match literal {
        Literal::Integer(minor) if kind == Kind::Money => money::written(facts.currency, *minor),
        Literal::Integer(number) if kind == Kind::Count => money::grouped(&number.to_string()),
        Literal::Text(text) => format!("{:?}", text.as_str()),
        other => other.to_string(),
    }
}

/// Describes a comparison with numbers: "more than 3", "2 to 5".
pub(super) fn compared(condition: &Condition, facts: &Facts) -> String {
    let kind = condition.field().kind();
    let values: Vec<String> = condition
        .values()
        .iter()
        .map(|v| value(v, kind, facts))
        .collect();
    let words = |words: &str| format!("{words} {}", values.join(" or "));
    match condition.operator() {
        Operator::Equal | Operator::In => words("exactly"),
        Operator::NotEqual | Operator::NotIn => words("not exactly"),
        Operator::Less => words("less than"),
        Operator::AtMost => words("at most"),
        Operator::Greater => words("more than"),
        Operator::AtLeast => words("at least"),
        Operator::Between => values.join(" to "),
        Operator::NotBetween => format!("not {}", values.join(" to ")),
        other => words(other.name()),
    }
}

/// Describes the rank of a value within the store: " (the store's top fifth)".
pub(super) fn rank(condition: &Condition, facts: &Facts) -> String {
    let name = condition.field().to_string();
    let measure = Measure::ALL.into_iter().find(|m| m.field() == name);
    let (Some(measure), [Literal::Integer(value)]) = (measure, condition.values()) else {
        return String::new();
    };
    let is_quantile = |percent: &u8| facts.quantile(measure, *percent) == Some(*value);
    let mut tens = (1..=9).map(|ten| ten * 10);
    let share = match condition.operator() {
        Operator::AtLeast => tens.rfind(is_quantile).map(|p| ("top", 100 - p)),
        Operator::AtMost => tens.rfind(is_quantile).map(|p| ("bottom", p)),
        _ => None,
    };
    match share.filter(|(_, percent)| *percent <= 50) {
        Some((end, 20)) => format!(" (the store's {end} fifth)"),
        Some((end, 10)) => format!(" (the store's {end} tenth)"),
        Some((end, 50)) => format!(" (the store's {end} half)"),
        Some((end, percent)) => format!(" (the store's {end} {percent}%)"),
        None => String::new(),
    }
}

/// Describes a number of days ago: "more than 90 days ago".
pub(super) fn days(condition: &Condition, facts: &Facts) -> String {
    let noun = match condition.values() {
        [Literal::Integer(1)] => "day",
        _ => "days",
    };
    if let (Operator::AtMost, [most]) = (condition.operator(), condition.values()) {
        return format!("in the last {most} {noun}");
    }
    format!("{} {noun} ago", compared(condition, facts))
}

/// Describes a time by dates: "since 2026-03-01", "from 2026-03-01 to 2026-03-31".
pub(super) fn dates(condition: &Condition) -> String {
    let values: Vec<String> = condition.values().iter().map(Literal::to_string).collect();
    let words = |words: &str| format!("{words} {}", values.join(" or "));
    match condition.operator() {
        Operator::Less => words("before"),
        Operator::AtMost => words("until"),
        Operator::Greater => words("after"),
        Operator::AtLeast => words("since"),
        Operator::Between => format!("from {}", values.join(" to ")),
        Operator::NotBetween => format!("not from {}", values.join(" to ")),
        Operator::NotEqual | Operator::NotIn => words("not on"),
        _ => words("on"),
    }
}

/// Describes that the last order was long ago, or that there was none.
pub(super) fn silence(last: &Condition) -> String {
    let compared = match last.field().kind() {
        Kind::Time => dates(last),
        _ => match (last.operator(), last.values()) {
            (Operator::AtLeast, [days]) => format!("at least {days} days ago"),
            (_, [days]) => format!("more than {days} days ago"),
            _ => String::new(),
        },
    };
    format!("last ordered {compared} or never")
}
